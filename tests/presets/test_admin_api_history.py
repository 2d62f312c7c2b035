"""What was changed, told and brought back over the admin API."""

from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import Group, User
from accounts.services.groups import add_member, create_group
from presets.models import Assignment, Policy, Preset
from presets.services import assign_preset, save_preset, unassign_preset
from tests.conftest import ClientFor
from tests.presets.api_shapes import checked

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("offered")]
JSON = "application/json"


@pytest.fixture
def api(admin_user: User, client_for: ClientFor) -> Client:
    return client_for(admin_user)


def make(slug: str = "writer", **fields: Any) -> Preset:
    given = {"slug": slug, "endpoint": "openAI", "model": "gpt-4.1", "parameters": {"top_p": 0.5}}
    return save_preset(actor=None, preset=None, fields=given | fields)


def changed(change: Any) -> dict[str, tuple[Any, Any]]:
    return {each["field"]: (each["before"], each["after"]) for each in change["changes"]}


def revert(api: Client, path: str, **body: Any) -> Any:
    return api.post(path, body, content_type=JSON)


def test_versions_of_a_preset_are_told_and_brought_back(api: Client, admin_user: User) -> None:
    preset = make()
    fields = {"system_message": "Be kind.", "parameters": {"top_p": 0.9}, "tools": {}}
    save_preset(actor=admin_user, preset=preset, fields=fields, reason="Too curt")
    path = f"/api/admin/presets/{preset.pk}"
    found = checked(api.get(f"{path}/history"))
    assert [found["total"], found["limit"], found["offset"]] == [2, 50, 0]
    newest, first = found["changes"]
    assert (newest["version"], newest["what"], newest["reason"]) == (2, "changed", "Too curt")
    assert (newest["userId"], newest["email"]) == (admin_user.pk, admin_user.email)
    assert changed(newest) == {
        "systemMessage": ("", "Be kind."),
        "parameters": ({"topP": 0.5}, {"topP": 0.9}),
    }
    assert (first["version"], first["what"], first["userId"]) == (1, "made", None)
    assert changed(first)["model"] == (None, "gpt-4.1")

    (alone,) = checked(api.get(f"{path}/history?limit=1"))["changes"]
    assert changed(alone) == changed(newest)
    back = checked(revert(api, f"{path}/revert", version=1, reason="It was fine"))
    assert (back["preset"]["version"], back["preset"]["parameters"]) == (3, {"topP": 0.5})
    preset.refresh_from_db()
    assert (preset.version, preset.system_message) == (3, "")
    assert preset.versions.get(version=3).reason == "It was fine"


def test_assignment_that_was_taken_away_comes_back(api: Client, alice: User) -> None:
    preset = make()
    assign_preset(actor=None, preset=preset, user=alice, priority=5)
    assign_preset(actor=None, preset=preset, user=alice, priority=7)
    unassign_preset(actor=None, preset=preset, user=alice)
    path = f"/api/admin/presets/{preset.pk}/assignments"
    found = checked(api.get(f"{path}/history?userId={alice.email}"))["changes"]
    assert [each["what"] for each in found] == ["deleted", "changed", "made"]
    assert changed(found[1]) == {"priority": (5, 7)}
    assert checked(api.get(f"{path}/history"))["total"] == 0
    assert checked(revert(api, f"{path}/revert", version=1, userId=alice.pk)) == {"success": True}
    row = Assignment.objects.get()
    assert (row.user, row.priority) == (alice, 5)


def test_group_is_as_it_was_with_its_members(api: Client, alice: User) -> None:
    group = create_group(actor=None, name="Sales")
    add_member(actor=None, group=group, user=alice, role="manager")
    api.patch("/api/admin/groups/sales", {"name": "Trade"}, content_type=JSON)
    found = checked(api.get("/api/admin/groups/sales/history"))["changes"]
    assert changed(found[0])["name"] == ("Sales", "Trade")
    assert changed(found[1]) == {f"member:{alice.pk}": (None, "manager")}
    checked(revert(api, "/api/admin/groups/sales/revert", version=1))
    group.refresh_from_db()
    assert (group.name, group.memberships.count()) == ("Sales", 0)


def test_rules_are_as_they_were(api: Client) -> None:
    create_group(actor=None, name="Sales")
    for group, enforce in (("", True), ("", False), ("?groupId=sales", True)):
        api.patch(f"/api/admin/policy{group}", {"enforce": enforce}, content_type=JSON)
    found = checked(api.get("/api/admin/policy/history"))["changes"]
    assert changed(found[0]) == {"enforce": (True, False)}
    assert len(checked(api.get("/api/admin/policy/history?groupId=sales"))["changes"]) == 1
    checked(revert(api, "/api/admin/policy/revert", version=1))
    assert Policy.objects.get(group=None).enforce is True


@pytest.mark.parametrize("version", [None, 0, -1, 9, 2**40, "x", True, [1]])
def test_version_that_never_was_changes_nothing(api: Client, version: Any) -> None:
    preset = make()
    for path in (f"/api/admin/presets/{preset.pk}", "/api/admin/policy"):
        answer = revert(api, f"{path}/revert", version=version)
        assert answer.status_code == 400, answer.content
        assert list(answer.json()["errors"]) == ["version"]
    preset.refresh_from_db()
    assert preset.version == 1


def test_instructions_of_the_past_are_for_those_who_may_change_them(
    alice: User, client_for: ClientFor
) -> None:
    group = create_group(actor=None, name="Sales")
    add_member(actor=None, group=group, user=alice, role="manager")
    preset = make(system_message="Secret")
    assign_preset(actor=None, preset=preset, everyone=True)
    api = client_for(alice)
    assert api.get(f"/api/admin/presets/{preset.pk}").status_code == 200
    for answer in (
        api.get(f"/api/admin/presets/{preset.pk}/history"),
        revert(api, f"/api/admin/presets/{preset.pk}/revert", version=1),
        revert(api, f"/api/admin/presets/{preset.pk}/assignments/revert", version=1),
        api.get("/api/admin/policy/history"),
        revert(api, "/api/admin/policy/revert", version=1),
    ):
        assert answer.status_code == 403
        assert "Secret" not in answer.content.decode()
    mine = make("mine", owner_group=group)
    assert checked(api.get(f"/api/admin/presets/{mine.pk}/history"))["total"] == 1
    assert checked(api.get("/api/admin/groups/sales/history"))["total"] == 2


@pytest.mark.parametrize("count", [1, 5])
def test_history_takes_as_many_queries_for_many_changes(
    count: int,
    api: Client,
    admin_user: User,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    preset, group = make(), Group.objects.create(name="Sales", slug="sales")
    for number in range(count):
        save_preset(actor=admin_user, preset=preset, fields={"description": str(number)})
        assign_preset(actor=admin_user, preset=preset, group=group, priority=number)
    path = f"/api/admin/presets/{preset.pk}"
    with django_assert_num_queries(5):
        api.get(f"{path}/history")
    with django_assert_num_queries(5):
        api.get(f"{path}/assignments/history?groupId=sales")
