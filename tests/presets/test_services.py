"""Changes of presets, assignments and rules."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts.models import Group, User
from accounts.models.stamp import current_stamp
from accounts.services.groups import add_member, create_group
from librechat_backend.lib.errors import Forbidden
from presets.exceptions import InvalidAssignment, InvalidPolicy, InvalidPreset, PresetInUse
from presets.models import Assignment, Policy, Preset, PresetVersion
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
from providers.catalog import EndpointInfo

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("offered")]

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def make(slug: str = "house", actor: User | None = None, **fields: Any) -> Preset:
    given = {"endpoint": "openAI", "model": "gpt-4.1"} | fields
    return save_preset(actor=actor, preset=None, fields={"slug": slug, "name": slug, **given})


def refused(preset: Preset | None = None, **fields: Any) -> dict[str, list[str]]:
    """The errors; nothing may have been saved."""
    before = (Preset.objects.count(), PresetVersion.objects.count(), current_stamp())
    given = {"slug": "bad", "endpoint": "openAI", "model": "gpt-4.1"} if preset is None else {}
    with pytest.raises(InvalidPreset) as caught:
        save_preset(actor=None, preset=preset, fields=given | fields)
    assert (Preset.objects.count(), PresetVersion.objects.count(), current_stamp()) == before
    return caught.value.errors


# -- Presets and their history ---------------------------------------------------------------


def test_each_change_is_a_version_with_who_and_why(admin_user: User) -> None:
    preset = make(actor=admin_user, parameters={"temperature": 0.5})
    preset = save_preset(
        actor=admin_user, preset=preset, fields={"model": "o3"}, reason="Thinks better"
    )
    assert (preset.model, preset.version, preset.parameters) == ("o3", 2, {"temperature": 0.5})
    rows = [(v.version, v.fields["model"], v.reason, v.user) for v in preset.versions.all()]
    assert rows == [(2, "o3", "Thinks better", admin_user), (1, "gpt-4.1", "", admin_user)]


def test_no_version_is_made_when_nothing_changes() -> None:
    preset = make()
    assert save_preset(actor=None, preset=preset, fields={"model": "gpt-4.1"}).version == 1


def test_fields_that_are_left_out_stay_as_another_process_wrote_them() -> None:
    preset = make()
    stale = Preset.objects.get()
    save_preset(actor=None, preset=preset, fields={"description": "New"})
    saved = save_preset(actor=None, preset=stale, fields={"model": "o3"})
    assert (saved.description, saved.model, saved.version) == ("New", "o3", 3)


def test_preset_is_again_what_it_was_when_reverted(admin_user: User) -> None:
    preset = make(system_message="Be kind", bounds={"temperature": {"max": 1}})
    save_preset(actor=None, preset=preset, fields={"system_message": "Be brief", "bounds": {}})
    back = revert_preset(actor=admin_user, preset=preset, version=1)
    assert (back.system_message, back.bounds) == ("Be kind", {"temperature": {"max": 1}})
    assert (back.version, back.versions.first().reason) == (3, "Back to version 1")  # type: ignore[union-attr]


def test_revert_is_refused_when_there_is_no_such_version_or_parent() -> None:
    parent = make("parent")
    child = make("child", extends=parent)
    with pytest.raises(InvalidPreset, match="no version 7"):
        revert_preset(actor=None, preset=child, version=7)
    save_preset(actor=None, preset=child, fields={"extends": None})
    delete_preset(actor=None, preset=parent)
    with pytest.raises(InvalidPreset) as caught:
        revert_preset(actor=None, preset=child, version=1)
    assert list(caught.value.errors) == ["extends"]


def test_copy_has_all_fields_and_nobody_is_given_it() -> None:
    preset = make(system_message="Be kind", menu_group="Work")
    assign_preset(actor=None, preset=preset, everyone=True)
    copies = [duplicate_preset(actor=None, preset=preset) for _ in range(2)]
    assert [copy.slug for copy in copies] == ["house-copy", "house-copy-2"]
    assert (copies[0].name, copies[0].system_message) == ("house (copy)", "Be kind")
    assert Assignment.objects.count() == 1


def test_preset_is_not_deleted_while_others_extend_it() -> None:
    parent = make("parent")
    child = make("child", extends=parent)
    with pytest.raises(PresetInUse, match="“parent” is extended by “child”"):
        delete_preset(actor=None, preset=parent)
    delete_preset(actor=None, preset=child)
    delete_preset(actor=None, preset=parent)
    assert not Preset.objects.exists()


# -- What is refused -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "field", "message"),
    [
        ({"endpoint": "azure"}, "endpoint", "There is no “azure”. There are: openAI, anthropic."),
        (
            {"model": "gpt-4.1-min"},
            "model",
            "“openAI” has no “gpt-4.1-min”. It has: gpt-4.1-mini, gpt-4.1, o3.",
        ),
        ({"endpoint": ""}, "endpoint", "Say where “gpt-4.1” runs. There are: openAI, anthropic."),
        (
            {"parameters": {"temprature": 1}},
            "parameters.temprature",
            "There is no parameter “temprature”. Do you mean “temperature”?",
        ),
        ({"parameters": {"temperature": "hot"}}, "parameters.temperature", "Enter a number."),
        ({"parameters": {"temperature": True}}, "parameters.temperature", "Enter a number."),
        (
            {"parameters": {"temperature": float("nan")}},
            "parameters.temperature",
            "Enter a number.",
        ),
        ({"parameters": {"top_k": 1.5}}, "parameters.top_k", "Enter a whole number."),
        ({"parameters": {"thinking": "yes"}}, "parameters.thinking", "Choose yes or no."),
        (
            {"parameters": {"stop": ["a", 1]}},
            "parameters.stop",
            "Enter a list of texts, none of them empty.",
        ),
        (
            {"parameters": {"verbosity": "chatty"}},
            "parameters.verbosity",
            "Choose one of: low, medium, high.",
        ),
        (
            {"parameters": {"temperature": 3}},
            "parameters.temperature",
            "3 is above the most that is allowed, 2.",
        ),
        (
            {"parameters": {"temperature": 0.1}, "bounds": {"temperature": {"min": 0.5}}},
            "parameters.temperature",
            "0.1 is below the least that is allowed, 0.5.",
        ),
        (
            {"bounds": {"temperature": {"min": 1, "max": 0.5}}},
            "bounds.temperature",
            "The least, 1, is above the most, 0.5.",
        ),
        (
            {"bounds": {"temperature": {"max": 9}}},
            "bounds.temperature",
            "9 is above the most that is allowed, 2.",
        ),
        ({"bounds": {"stop": {"max": 9}}}, "bounds.stop", "There is no number called “stop”."),
        (
            {"bounds": {"temperature": {"most": 9}}},
            "bounds.temperature",
            "Bounds have a min, a max, or both.",
        ),
        ({"bounds": []}, "bounds", "Enter a least and a most for each parameter."),
        (
            {"locked": ["temprature"]},
            "locked",
            "“temprature” cannot be locked. Do you mean “temperature”?",
        ),
        ({"locked": "temperature"}, "locked", "Enter a list of names."),
        (
            {"conversation_starters": ["x"] * 11},
            "conversation_starters",
            "At most 10; the client shows four.",
        ),
        (
            {"conversation_starters": [""]},
            "conversation_starters",
            "Enter a list of texts, none of them empty.",
        ),
        ({"tools": {"on": True}}, "tools", "Tools have “enabled” and “allowed_tools”."),
        ({"tools": {"enabled": "yes"}}, "tools", "“enabled” is yes or no."),
        ({"tools": {"allowed_tools": "all"}}, "tools", "“allowed_tools” is a list of names."),
        ({"max_output_tokens": 0}, "max_output_tokens", "0 is below the least that is allowed, 1."),
        ({"colour": "red"}, "colour", "A preset has no “colour”."),
    ],
)
def test_field_is_refused_with_a_message(fields: dict[str, Any], field: str, message: str) -> None:
    assert refused(**fields) == {field: [message]}


@pytest.mark.parametrize(
    "fields",
    [
        {"slug": "two words"},
        {"name": "x" * 201},
        {"max_context_tokens": "many"},
        {"is_active": "?"},
    ],
)
def test_column_is_refused_beside_its_name(fields: dict[str, Any]) -> None:
    assert list(refused(**fields)) == list(fields)


def test_all_mistakes_are_named_at_once() -> None:
    errors = refused(model="x", locked=["y"], parameters={"temperature": 9, "top_p": "z"})
    assert list(errors) == ["model", "parameters.temperature", "parameters.top_p", "locked"]


def test_tokens_among_the_parameters_become_columns() -> None:
    preset = make(parameters={"max_output_tokens": 500.0, "temperature": None})
    assert (preset.max_output_tokens, preset.parameters) == (500, {})


# -- Extending -------------------------------------------------------------------------------


def test_loop_is_refused_with_its_members() -> None:
    first = make("first")
    second = make("second", extends=first)
    third = make("third", extends=second)
    message = "This would be a loop: “first” → “third” → “second” → “first”."
    assert refused(first, extends=third) == {"extends": [message]}
    assert refused(first, extends=first) == {
        "extends": ["This would be a loop: “first” → “first”."]
    }


def test_empty_fields_are_inherited_and_the_pair_that_counts_is_checked() -> None:
    base = make("base", model="", system_message="Be kind")
    child = make("child", extends=base, endpoint="", model="o3")
    assert (child.endpoint, child.model) == ("", "o3")
    assert list(refused(extends=base, endpoint="", model="claude-opus")) == ["model"]
    assert list(refused(extends=base, endpoint="anthropic")) == ["model"]


def test_field_the_parent_locked_cannot_be_set() -> None:
    base = make("base", parameters={"temperature": 0.2}, locked=["temperature"])
    message = "“base” has locked this. Leave it empty to inherit it."
    errors = refused(extends=base, parameters={"temperature": 0.9})
    assert errors == {"parameters.temperature": [message]}
    make("child", extends=base, parameters={"temperature": 0.2, "top_p": 1})


def test_bounds_that_leave_nothing_of_the_inherited_are_refused() -> None:
    base = make("base", bounds={"temperature": {"min": 0.5, "max": 1}})
    errors = refused(extends=base, bounds={"temperature": {"min": 1.2}})
    assert errors == {"bounds.temperature": ["Nothing of this is left by “base”."]}
    make("child", extends=base, bounds={"temperature": {"max": 0.7}})


def test_preset_can_be_edited_while_its_model_is_away(offered: list[EndpointInfo]) -> None:
    preset = make()
    offered.clear()
    assert save_preset(actor=None, preset=preset, fields={"is_active": False}).version == 2
    assert list(refused(preset, model="o3")) == ["endpoint"]


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
