"""Who gets presets, under which rules, and who may say so."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts.models import Group, User
from accounts.models.stamp import current_stamp
from accounts.services.groups import add_member, create_group
from librechat_backend.lib.errors import Forbidden
from presets.exceptions import InvalidAssignment, InvalidPolicy, InvalidPreset
from presets.models import Assignment, Policy, Preset
from presets.permissions import assignable_presets, manageable_presets
from presets.policies import save_policy
from presets.services import (
    assign_preset,
    delete_preset,
    duplicate_preset,
    revert_preset,
    save_preset,
    unassign_preset,
)
from tests.presets.conftest import make

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("offered")]

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


# -- Assignments -----------------------------------------------------------------------------


def test_assigning_twice_is_once_and_keeps_what_is_left_out(alice: User) -> None:
    preset = make()
    assign_preset(actor=None, preset=preset, user=alice, priority=5, is_default=True)
    row = assign_preset(actor=None, preset=preset, user=alice, is_final=True)
    assert Assignment.objects.get() == row
    assert (row.priority, row.is_default, row.is_final) == (5, True, True)
    assert unassign_preset(actor=None, preset=preset, user=alice)
    assert not unassign_preset(actor=None, preset=preset, user=alice)


def assignment_errors(preset: Preset, **options: Any) -> dict[str, list[str]]:
    before = Assignment.objects.count(), current_stamp()
    with pytest.raises(InvalidAssignment) as caught:
        assign_preset(actor=None, preset=preset, **options)
    assert (Assignment.objects.count(), current_stamp()) == before
    return caught.value.errors


def test_assignment_goes_to_exactly_one(alice: User) -> None:
    preset = make()
    expected = {"__all__": ["Choose one: a group, a person, or everyone."]}
    assert assignment_errors(preset) == expected
    assert assignment_errors(preset, user=alice, everyone=True) == expected


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"starts_at": NOON, "ends_at": NOON}, "ends_at"),
        ({"starts_at": NOON, "ends_at": NOON - timedelta(1)}, "ends_at"),
        ({"rollout_percent": 101}, "rollout_percent"),
        ({"rollout_percent": -1}, "rollout_percent"),
        ({"effect": "maybe"}, "effect"),
        ({"priority": "high"}, "priority"),
        ({"effect": "deny", "is_default": True}, "is_default"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_option_is_refused_beside_its_name(options: dict[str, Any], field: str) -> None:
    assert list(assignment_errors(make(), everyone=True, **options)) == [field]


def test_second_default_of_the_same_people_is_refused(alice: User) -> None:
    first, second = make("first"), make("second")
    team = create_group(actor=None, name="Team")
    assign_preset(actor=None, preset=first, group=team, is_default=True)
    expected = {"is_default": ["“first” is already the default of “Team”."]}
    assert assignment_errors(second, group=team, is_default=True) == expected
    assign_preset(actor=None, preset=second, everyone=True, is_default=True)
    assign_preset(actor=None, preset=first, user=alice, is_default=True)
    assign_preset(actor=None, preset=first, group=team, is_default=True)


def test_defaults_may_follow_each_other_in_time() -> None:
    first, second = make("first"), make("second")
    assign_preset(actor=None, preset=first, everyone=True, is_default=True, ends_at=NOON)
    assign_preset(actor=None, preset=second, everyone=True, is_default=True, starts_at=NOON)
    errors = assignment_errors(
        second, everyone=True, is_default=True, starts_at=NOON - timedelta(seconds=1)
    )
    assert list(errors) == ["is_default"]


def test_preset_without_a_model_is_not_given_to_anybody() -> None:
    base = make("base", endpoint="", model="", system_message="Be kind")
    message = "“base” has no endpoint and no model, neither its own nor an inherited one."
    assert assignment_errors(base, everyone=True) == {"preset": [message]}


# -- Rules -----------------------------------------------------------------------------------


def test_rules_are_saved_once_for_each_group() -> None:
    team = create_group(actor=None, name="Team")
    for _ in range(2):
        save_policy(actor=None, enforce=True)
        save_policy(actor=None, group=team, enforce=False, allows_override=None)
    save_policy(actor=None, scope_precedence=["system", "user", "group"])
    assert [(p.group, p.enforce) for p in Policy.objects.order_by("enforce")] == [
        (team, False),
        (None, True),
    ]


@pytest.mark.parametrize(
    ("rules", "field"),
    [
        ({"scope_precedence": ["user", "group"]}, "scope_precedence"),
        ({"scope_precedence": ["user", "group", "role"]}, "scope_precedence"),
        ({"scope_precedence": "user"}, "scope_precedence"),
        ({"scope_precedence": [1, "user", "group"]}, "scope_precedence"),
        ({"enforce": "yes"}, "enforce"),
        ({"enforced": True}, "enforced"),
    ],
)
def test_rule_is_refused_beside_its_name(rules: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidPolicy) as caught:
        save_policy(actor=None, **rules)
    assert list(caught.value.errors) == [field]
    assert not Policy.objects.exists()


# -- Who may ---------------------------------------------------------------------------------


@pytest.fixture
def sales(alice: User) -> Group:
    """A group below another one; alice manages it."""
    company = create_group(actor=None, name="Company")
    group = create_group(actor=None, name="Sales", parent=company)
    add_member(actor=None, group=group, user=alice, role="manager")
    return group


def test_stranger_and_plain_staff_change_nothing(charlie: User, sales: Group) -> None:
    preset = make(owner_group=sales)
    assign_preset(actor=None, preset=preset, everyone=True)
    charlie.is_staff = True
    for attempt in (
        lambda: make("new", actor=charlie),
        lambda: make("new", actor=charlie, owner_group=sales),
        lambda: save_preset(actor=charlie, preset=preset, fields={"model": "o3"}),
        lambda: revert_preset(actor=charlie, preset=preset, version=1),
        lambda: duplicate_preset(actor=charlie, preset=preset),
        lambda: delete_preset(actor=charlie, preset=preset),
        lambda: assign_preset(actor=charlie, preset=preset, user=charlie),
        lambda: assign_preset(actor=charlie, preset=preset, everyone=True),
        lambda: unassign_preset(actor=charlie, preset=preset, everyone=True),
        lambda: save_policy(actor=charlie, enforce=False),
        lambda: save_policy(actor=charlie, group=sales, enforce=False),
    ):
        stamp = current_stamp()
        with pytest.raises(Forbidden):
            attempt()
        assert current_stamp() == stamp
    assert not manageable_presets(charlie).exists()
    assert not assignable_presets(charlie).exists()


def test_manager_works_within_their_groups(alice: User, bob: User, sales: Group) -> None:
    mine = make("mine", actor=alice, owner_group=sales)
    add_member(actor=None, group=sales, user=bob)
    assign_preset(actor=alice, preset=mine, group=sales, priority=3)
    assign_preset(actor=alice, preset=mine, user=bob)
    unassign_preset(actor=alice, preset=mine, user=bob)
    save_preset(actor=alice, preset=mine, fields={"model": "o3"})
    assert [preset.slug for preset in manageable_presets(alice)] == ["mine"]
    delete_preset(actor=alice, preset=mine)


def test_manager_cannot_give_others_a_model_they_may_not_use(alice: User, sales: Group) -> None:
    given = make("given")
    assign_preset(actor=None, preset=given, everyone=True)
    save_policy(actor=None, enforce=True)
    make("same-model", actor=alice, owner_group=sales)
    with pytest.raises(InvalidPreset) as refused:
        make("other-model", actor=alice, owner_group=sales, model="o3")
    assert refused.value.errors == {"model": ["You may not use this model yourself."]}
    assert not Preset.objects.filter(slug="other-model").exists()


def test_manager_does_nothing_beyond_their_groups(alice: User, bob: User, sales: Group) -> None:
    mine = make("mine", owner_group=sales)
    secret = make("secret", system_message="The recipe")
    given = make("given")
    assign_preset(actor=None, preset=given, group=sales.parent)
    for attempt in (
        lambda: make("other", actor=alice),
        lambda: make("other", actor=alice, owner_group=sales.parent),
        lambda: make("other", actor=alice, owner_group=sales, extends=secret),
        lambda: save_preset(actor=alice, preset=given, fields={"owner_group": sales}),
        lambda: save_preset(actor=alice, preset=mine, fields={"owner_group": None}),
        lambda: duplicate_preset(actor=alice, preset=given),
        lambda: assign_preset(actor=alice, preset=mine, everyone=True),
        lambda: assign_preset(actor=alice, preset=mine, group=sales.parent),
        lambda: assign_preset(actor=alice, preset=mine, user=bob),
        lambda: assign_preset(actor=alice, preset=secret, group=sales),
        lambda: unassign_preset(actor=alice, preset=given, group=sales.parent),
        lambda: save_policy(actor=alice, enforce=False),
        lambda: save_policy(actor=alice, group=sales, enforce=False),
        lambda: save_policy(actor=alice, group=sales.parent, enforce=False),
    ):
        with pytest.raises(Forbidden):
            attempt()
    assign_preset(actor=alice, preset=given, group=sales, effect="deny")
    assert {preset.slug for preset in assignable_presets(alice)} == {"mine", "given"}


def test_administrator_by_role_may_change_everything(bob: User) -> None:
    bob.role = "ADMIN"
    preset = make(actor=bob)
    assign_preset(actor=bob, preset=preset, everyone=True)
    save_policy(actor=bob, enforce=True)
    bob.is_active = False
    with pytest.raises(Forbidden):
        save_policy(actor=bob, enforce=False)
