"""The admin of presets: what is typed is what is stored."""

from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from librechat_backend.lib.json import JSONDict
from presets.models import Assignment, Preset
from presets.services import assign_preset
from tests.presets.admin_pages import (
    PRESETS,
    add_row,
    errors_of,
    make_group,
    make_preset,
    signed_in,
    submit,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("offered")]


@pytest.fixture
def client(admin_user: User) -> Client:
    return signed_in(admin_user)


def page(preset: Preset) -> str:
    return f"{PRESETS}{preset.pk}/change/"


def test_everything_typed_is_stored(client: Client, admin_user: User) -> None:
    group = make_group("Engineering")
    answer = submit(
        client,
        f"{PRESETS}add/",
        name="Careful coder",
        endpoint="openAI",
        model="o3",
        system_message="Be careful.",
        conversation_starters="Review this\nWrite a test",
        value_temperature="0.3",
        low_temperature="0",
        high_temperature="0.5",
        lock_temperature="on",
        value_max_output_tokens="2000",
        value_stop="END\nSTOP",
        value_web_search="false",
        value_verbosity="low",
        tools_choice="some",
        tools_allowed="search",
        reason="For the engineers",
        **add_row("assignments", group=group.pk, effect="allow", priority="10", is_active="on"),
    )
    assert answer.status_code == 302, errors_of(answer)
    preset = Preset.objects.get()
    assert (preset.slug, preset.name, preset.model) == ("careful-coder", "Careful coder", "o3")
    assert preset.conversation_starters == ["Review this", "Write a test"]
    assert preset.parameters == {
        "temperature": 0.3, "stop": ["END", "STOP"], "web_search": False, "verbosity": "low",
    }  # fmt: skip
    assert preset.max_output_tokens == 2000
    assert preset.bounds == {"temperature": {"min": 0, "max": 0.5}}
    assert preset.locked == ["system_message", "temperature"]
    assert preset.tools == {"enabled": True, "allowed_tools": ["search"]}
    version = preset.versions.get()
    assert (version.user, version.reason) == (admin_user, "For the engineers")
    row = preset.assignments.get()
    assert (row.group, row.user, row.priority, row.effect) == (group, None, 10, "allow")


def test_page_saved_untouched_changes_nothing(client: Client) -> None:
    preset = make_preset(
        parameters={"temperature": 0.5, "thinking": True, "stop": ["END"]},
        bounds={"temperature": {"max": 1.5}},
        locked=["tools", "model_label"],
        tools={"enabled": False},
        max_context_tokens=4000,
        conversation_starters=["Hello"],
    )
    before = Preset.objects.filter(pk=preset.pk).values().get()
    assert submit(client, page(preset)).status_code == 302
    assert Preset.objects.filter(pk=preset.pk).values().get() == before


@pytest.mark.parametrize(
    "tools",
    [
        {},
        {"enabled": True},
        {"enabled": True, "allowed_tools": []},
        {"allowed_tools": []},
        {"allowed_tools": ["web_search"]},
        {"enabled": False, "allowed_tools": ["web_search"]},
    ],
)
def test_tools_stay_as_narrow_as_they_were_when_another_field_is_saved(
    client: Client, tools: JSONDict
) -> None:
    preset = make_preset(tools=tools)
    assert submit(client, page(preset), description="New").status_code == 302
    preset.refresh_from_db()
    assert (preset.description, preset.tools) == ("New", tools)


@pytest.mark.parametrize(
    ("choice", "allowed", "tools"),
    [
        ("", "", {}),
        ("all", "", {"enabled": True}),
        ("some", "", {"enabled": True, "allowed_tools": []}),
        ("some", "web_search", {"enabled": True, "allowed_tools": ["web_search"]}),
        ("none", "web_search", {"enabled": False}),
    ],
)
def test_tools_are_those_that_were_chosen(
    client: Client, choice: str, allowed: str, tools: JSONDict
) -> None:
    preset = make_preset(tools={"enabled": True, "allowed_tools": ["url_context"]})
    answer = submit(client, page(preset), tools_choice=choice, tools_allowed=allowed)
    assert answer.status_code == 302, errors_of(answer)
    preset.refresh_from_db()
    assert preset.tools == tools


def test_names_of_tools_are_refused_when_all_are_allowed(client: Client) -> None:
    preset = make_preset(tools={"enabled": False})
    answer = submit(client, page(preset), tools_choice="all", tools_allowed="web_search")
    assert errors_of(answer) == {
        "tools_allowed": ["These count under “only those named below” alone."]
    }


def test_no_field_is_raw_json(client: Client) -> None:
    names = set(client.get(f"{PRESETS}add/").context["adminform"].form.fields)
    assert names.isdisjoint({"parameters", "bounds", "locked", "tools"})
    assert {"value_temperature", "low_temperature", "high_temperature", "lock_temperature"} <= names


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        (
            {"low_temperature": "1", "high_temperature": "0.5"},
            "low_temperature",
            "The smallest value is larger than the largest.",
        ),
        (
            {"value_temperature": "0.9", "high_temperature": "0.5"},
            "value_temperature",
            "0.9 is above the most that is allowed, 0.5.",
        ),
        (
            {"value_temperature": "9"},
            "value_temperature",
            "Ensure this value is less than or equal to 2.",
        ),
        ({"value_top_k": "1.5"}, "value_top_k", "Enter a whole number."),
        (
            {"model": "gpt-9"},
            "model",
            "Select a valid choice. gpt-9 is not one of the available choices.",
        ),
        ({"endpoint": ""}, "endpoint", "Say where “gpt-4.1” runs. There are: openAI, anthropic."),
        (
            {"endpoint": "anthropic"},
            "model",
            "“anthropic” has no “gpt-4.1”. It has: claude-opus.",
        ),
        (
            {"conversation_starters": "\n".join(map(str, range(11)))},
            "conversation_starters",
            "At most 10; the client shows four.",
        ),
    ],
)
def test_reason_stands_beside_the_field_and_nothing_is_saved(
    client: Client, changes: dict[str, str], field: str, message: str
) -> None:
    preset = make_preset()
    before = Preset.objects.filter(pk=preset.pk).values().get()
    group = make_group("Engineering")
    row = add_row("assignments", group=group.pk, effect="allow", priority="1", is_active="on")
    answer = submit(client, page(preset), name="Half saved", **changes, **row)
    assert errors_of(answer) == {field: [message]}
    assert message in answer.content.decode().replace("&lt;", "<")
    assert Preset.objects.filter(pk=preset.pk).values().get() == before
    assert not Assignment.objects.exists()


def test_loop_of_extensions_is_refused_beside_the_field(client: Client) -> None:
    above = make_preset("Above")
    below = make_preset("Below", extends=above)
    answer = submit(client, page(above), extends=below.pk)
    assert list(errors_of(answer)) == ["extends"]
    above.refresh_from_db()
    assert above.extends is None


def test_second_default_is_refused_in_its_row_and_nothing_is_saved(client: Client) -> None:
    group = make_group("Engineering")
    first, second = make_preset("First"), make_preset("Second")
    assign_preset(actor=None, preset=first, group=group, is_default=True)
    row = add_row(
        "assignments", group=group.pk, effect="allow", priority="1", is_active="on", is_default="on"
    )
    answer = submit(client, page(second), name="Renamed", **row)
    assert errors_of(answer) == {
        "assignments-0-is_default": ["“First” is already the default of “Engineering”."]
    }
    second.refresh_from_db()
    assert (second.name, second.version, second.assignments.count()) == ("Second", 1, 0)


def test_empty_fields_show_what_they_inherit(client: Client) -> None:
    above = make_preset(
        "Above",
        system_message="Be brief.",
        parameters={"temperature": 0.5},
        bounds={"temperature": {"max": 1}},
    )
    below = make_preset("Below", extends=above, endpoint="", model="")
    form = client.get(page(below)).context["adminform"].form
    assert form.fields["value_temperature"].widget.attrs["placeholder"] == "inherited: 0.5"
    assert form.fields["high_temperature"].widget.attrs["placeholder"] == "inherited: 1"
    assert "placeholder" not in form.fields["low_temperature"].widget.attrs
    assert form.fields["system_message"].widget.attrs["placeholder"] == "inherited: Be brief."
    assert form.fields["model"].choices[0] == ("", "inherited: gpt-4.1")


def test_stored_model_can_be_kept_while_it_is_away(client: Client, offered: list[Any]) -> None:
    preset = make_preset(endpoint="anthropic", model="claude-opus")
    offered.pop()
    assert submit(client, page(preset), description="Away").status_code == 302
    preset.refresh_from_db()
    assert (preset.endpoint, preset.model, preset.description) == (
        "anthropic", "claude-opus", "Away",
    )  # fmt: skip


def test_several_presets_are_switched_off_with_one_action(client: Client) -> None:
    presets = [make_preset("One"), make_preset("Two"), make_preset("Three")]
    chosen = {"action": "deactivate", "_selected_action": [p.pk for p in presets[:2]]}
    client.post(PRESETS, chosen)
    active = Preset.objects.order_by("name").values_list("name", "is_active", "version")
    assert list(active) == [("One", False, 2), ("Three", True, 1), ("Two", False, 2)]


def test_duplicate_is_given_to_nobody(client: Client) -> None:
    preset = make_preset(parameters={"temperature": 0.5})
    assign_preset(actor=None, preset=preset, everyone=True)
    assert client.get(f"{PRESETS}{preset.pk}/duplicate/").status_code == 405
    client.post(f"{PRESETS}{preset.pk}/duplicate/")
    copy = Preset.objects.exclude(pk=preset.pk).get()
    assert (copy.name, copy.slug, copy.parameters, copy.assignments.count()) == (
        "House (copy)", "house-copy", {"temperature": 0.5}, 0,
    )  # fmt: skip


def test_preset_others_extend_is_not_deleted(client: Client) -> None:
    above = make_preset("Above")
    make_preset("Below", extends=above)
    answer = client.post(f"{PRESETS}{above.pk}/delete/", {"post": "yes"}, follow=True)
    assert Preset.objects.filter(pk=above.pk).exists()
    assert "Below" in answer.content.decode()


def test_list_costs_the_same_however_many_there_are(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(3):
        assign_preset(actor=None, preset=make_preset(f"P{number}"), everyone=True)
    client.get(PRESETS)
    with django_assert_num_queries(QUERIES_OF_LIST):
        client.get(PRESETS)
    for number in range(10):
        assign_preset(actor=None, preset=make_preset(f"Q{number}"), everyone=True)
    with django_assert_num_queries(QUERIES_OF_LIST):
        client.get(PRESETS)


QUERIES_OF_LIST = 7
