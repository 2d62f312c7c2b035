"""Preset managers who change the same at the same moment."""

from typing import Any

import pytest

from accounts.models import Group, Membership, User
from accounts.services.groups import create_group
from presets.models import Assignment, Policy, Preset, PresetVersion
from presets.services import save_preset
from providers.catalog import EndpointInfo
from tests.librechat_backend.test_at_once import SERVER_ERROR, TIMES, Call, at_once

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("offered")]
GIVEN = {"endpoint": "openAI", "model": "gpt-4.1"}


class World:
    """Two presets, two groups below one, and what is changed of them."""

    def __init__(self, member: User) -> None:
        self.one, self.two = (
            save_preset(actor=None, preset=None, fields={"slug": slug, "name": slug, **GIVEN})
            for slug in ("one", "two")
        )
        self.top = create_group(actor=None, name="Company")
        self.left, self.right = (
            create_group(actor=None, name=name, parent=self.top) for name in ("Left", "Right")
        )
        self.member = member

    def preset(self, path: str = "", method: str = "POST", **body: Any) -> Call:
        return Call(method, f"/api/admin/presets/{self.one.pk}{path}", body)

    def group(self, group: Group, path: str = "", method: str = "PATCH", **body: Any) -> Call:
        return Call(method, f"/api/admin/groups/{group.object_id}{path}", body)

    def all_kinds(self) -> list[Call]:
        return [
            self.preset("/assign", userId=self.member.pk),
            self.preset("/assign", everyone=True, effect="deny"),
            self.preset("/unassign", userId=self.member.pk),
            self.preset(method="PATCH", name="Other"),
            self.preset(method="DELETE"),
            self.group(self.left, method="DELETE"),
            self.group(self.right, "/members", "POST", userId=self.member.pk),
            self.group(self.right, parentId=self.left.object_id),
            Call("PATCH", "/api/admin/policy", {"enforce": True}),
            Call("PUT", f"/api/admin/policy?groupId={self.left.object_id}", {"enforce": False}),
        ]


@pytest.fixture
def world(alice: User, offered: list[EndpointInfo]) -> World:
    return World(alice)


def test_preset_of_one_slug_for_everyone_is_given_once(world: World, admin_user: User) -> None:
    assert set(at_once(admin_user, [world.preset("/assign", everyone=True)] * TIMES)) == {200}
    assert Assignment.objects.count() == 1


def test_one_of_several_defaults_is_kept(world: World, admin_user: User) -> None:
    calls = [
        Call(
            "POST", f"/api/admin/presets/{preset.pk}/assign", {"everyone": True, "isDefault": True}
        )
        for preset in (world.one, world.two) * 3
    ]
    assert max(at_once(admin_user, calls)) == 400
    assert Assignment.objects.filter(is_default=True).count() == 1


def test_groups_are_no_loop_when_each_is_put_below_the_other(
    world: World, admin_user: User
) -> None:
    calls = [
        world.group(world.left, parentId=world.right.object_id),
        world.group(world.right, parentId=world.left.object_id),
    ]
    assert sorted(at_once(admin_user, calls * 3)) == [200, 200, 200, 400, 400, 400]
    parents = {Group.objects.get(pk=group.pk).parent_id for group in (world.left, world.right)}
    assert world.top.pk in parents


def test_presets_are_no_loop_when_each_extends_the_other(world: World, admin_user: User) -> None:
    calls = [
        Call("PATCH", f"/api/admin/presets/{preset.pk}", {"extends": other.pk})
        for preset, other in ((world.one, world.two), (world.two, world.one))
    ]
    assert sorted(at_once(admin_user, calls)) == [200, 400]
    assert Preset.objects.filter(extends=None).count() == 1


def test_each_change_is_a_version(world: World, admin_user: User) -> None:
    calls = [world.preset(method="PATCH", name=f"Name {number}") for number in range(TIMES)]
    assert set(at_once(admin_user, calls)) == {200}
    versions = PresetVersion.objects.filter(preset_id=world.one.pk).values_list(
        "version", flat=True
    )
    assert sorted(versions) == list(range(1, TIMES + 2))


def test_member_is_one_and_rules_are_one(world: World, admin_user: User, alice: User) -> None:
    members = world.group(world.left, "/members", "POST", userId=alice.pk)
    rules = Call("PATCH", "/api/admin/policy", {"enforce": True})
    assert set(at_once(admin_user, [members, rules] * 3)) == {200}
    assert (Membership.objects.count(), Policy.objects.count()) == (1, 1)


def test_nothing_fails_when_all_is_changed_at_once(world: World, admin_user: User) -> None:
    calls = world.all_kinds()
    statuses = at_once(admin_user, calls)
    assert max(statuses) < SERVER_ERROR, list(zip(statuses, calls, strict=True))
