"""Changes of presets, and what is refused."""

from typing import Any

import pytest

from accounts.models import User
from accounts.models.stamp import current_stamp
from presets.exceptions import InvalidPreset, PresetInUse
from presets.models import Assignment, Preset, PresetVersion
from presets.services import (
    assign_preset,
    delete_preset,
    duplicate_preset,
    revert_preset,
    save_preset,
)
from providers.catalog import EndpointInfo
from tests.presets.conftest import make

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("offered")]


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
