"""The admin of presets, of who gets them, of rules and groups: what is typed is what is stored."""

from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import Group, Membership, User
from librechat_backend.lib.json import JSONDict
from presets.models import Assignment, Policy, Preset
from presets.services import assign_preset
from tests.presets.admin_pages import (
    ASSIGNMENTS,
    GROUPS,
    PRESETS,
    RULES,
    add_row,
    errors_of,
    make_group,
    make_preset,
    messages_of,
    signed_in,
    submit,
    typed,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("offered")]


@pytest.fixture
def client(admin_user: User) -> Client:
    return signed_in(admin_user)


def page(preset: Preset) -> str:
    return f"{PRESETS}{preset.pk}/change/"


# -- Presets ---------------------------------------------------------------------------------


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


# -- Who gets what ---------------------------------------------------------------------------


def test_priority_is_changed_in_the_list(client: Client) -> None:
    row = assign_preset(actor=None, preset=make_preset(), everyone=True, is_default=True)
    answer = submit(client, ASSIGNMENTS, **{"form-0-priority": "7", "_save": "Save"})
    assert answer.status_code == 302
    row.refresh_from_db()
    assert (row.priority, row.is_default, row.is_active, row.user) == (7, True, True, None)


def test_refusal_of_a_list_line_stands_in_it_and_no_line_is_saved(client: Client) -> None:
    first = assign_preset(actor=None, preset=make_preset("A"), everyone=True, is_default=True)
    second = assign_preset(
        actor=None, preset=make_preset("B"), everyone=True, is_default=True, is_active=False
    )
    data = {"form-0-priority": "9", "form-1-priority": "9", "_save": "Save"}
    data |= {"form-0-is_active": "on", "form-1-is_active": "on"}
    answer = submit(client, ASSIGNMENTS, **data)
    assert list(errors_of(answer).values()) == [["“A” is already the default of everyone."]]
    stored = Assignment.objects.filter(pk__in=[first.pk, second.pk])
    assert set(stored.values_list("priority", flat=True)) == {0}


def test_person_is_named_by_address(client: Client, alice: User) -> None:
    preset = make_preset()
    url = f"{ASSIGNMENTS}add/"
    answer = submit(client, url, preset=preset.pk, user="nobody@example.com")
    assert errors_of(answer) == {"user": ["Nobody here has the address “nobody@example.com”."]}
    assert submit(client, url, preset=preset.pk, user=" Alice@Example.com ").status_code == 302
    row = Assignment.objects.get()
    assert (row.user, row.group, row.effect) == (alice, None, "allow")


def test_group_and_person_at_once_are_refused(client: Client, alice: User) -> None:
    group = make_group("Engineering")
    answer = submit(
        client, f"{ASSIGNMENTS}add/", preset=make_preset().pk, user=alice.email, group=group.pk
    )
    assert errors_of(answer) == {"user": ["Choose a group or a person, not both."]}


def test_window_that_ends_before_it_starts_is_refused(client: Client) -> None:
    window = {
        "starts_at_0": "2026-02-01", "starts_at_1": "12:00",
        "ends_at_0": "2026-01-01", "ends_at_1": "12:00",
    }  # fmt: skip
    answer = submit(client, f"{ASSIGNMENTS}add/", preset=make_preset().pk, **window)
    assert errors_of(answer) == {"ends_at": ["This must be after the beginning."]}
    assert not Assignment.objects.exists()


def test_recipient_of_an_assignment_stays(client: Client, alice: User) -> None:
    row = assign_preset(actor=None, preset=make_preset(), everyone=True)
    url = f"{ASSIGNMENTS}{row.pk}/change/"
    assert submit(client, url, user=alice.email, priority="3").status_code == 302
    row.refresh_from_db()
    assert (row.user, row.priority) == (None, 3)


def test_assignments_are_switched_off_and_deleted_together(client: Client) -> None:
    rows = [assign_preset(actor=None, preset=make_preset(n), everyone=True) for n in "AB"]
    chosen = {"_selected_action": [row.pk for row in rows]}
    client.post(ASSIGNMENTS, {"action": "deactivate", **chosen})
    assert set(Assignment.objects.values_list("is_active", flat=True)) == {False}
    client.post(ASSIGNMENTS, {"action": "delete_selected", "post": "yes", **chosen})
    assert not Assignment.objects.exists()


# -- Rules -----------------------------------------------------------------------------------


def test_rules_are_yes_no_or_inherited(client: Client) -> None:
    group = make_group("Engineering")
    answer = submit(
        client,
        f"{RULES}add/",
        group=group.pk,
        enforce="true",
        prioritize="false",
        precedence="group,user,system",
    )
    assert answer.status_code == 302, errors_of(answer)
    policy = Policy.objects.get()
    assert (policy.group, policy.enforce, policy.prioritize, policy.allows_override) == (
        group, True, False, None,
    )  # fmt: skip
    assert policy.scope_precedence == ["group", "user", "system"]
    submit(client, f"{RULES}{policy.pk}/change/", enforce="", precedence="")
    policy.refresh_from_db()
    assert (policy.group, policy.enforce, policy.prioritize) == (group, None, False)
    assert policy.scope_precedence is None


def test_rules_for_everyone_exist_once(client: Client) -> None:
    assert submit(client, f"{RULES}add/", enforce="true").status_code == 302
    answer = submit(client, f"{RULES}add/", enforce="false")
    assert errors_of(answer) == {
        "group": ["Everyone has rules already; change those, or choose a group."]
    }
    assert Policy.objects.get().enforce is True


# -- Groups ----------------------------------------------------------------------------------


def test_group_is_made_with_members_and_presets(client: Client, alice: User) -> None:
    preset, company = make_preset(), make_group("Company")
    answer = submit(
        client,
        f"{GROUPS}add/",
        name="Engineering",
        parent=company.pk,
        **add_row("memberships", user=alice.email, role="manager"),
        **add_row("assignments", preset=preset.pk, effect="deny", priority="4", is_active="on"),
    )
    assert answer.status_code == 302, errors_of(answer)
    group = Group.objects.get(slug="engineering")
    assert group.parent == company
    assert [(m.user, m.role) for m in group.memberships.all()] == [(alice, "manager")]
    assert [(a.preset, a.effect, a.priority) for a in group.assignments.all()] == [
        (preset, "deny", 4)
    ]


def test_groups_are_listed_as_a_tree_with_counts(client: Client, alice: User) -> None:
    company = make_group("Company")
    engineering = make_group("Engineering", company, manager=alice)
    make_group("Backend", engineering)
    make_group("Administration", company)
    assign_preset(actor=None, preset=make_preset(), group=engineering)
    assign_preset(actor=None, preset=make_preset("Second"), group=engineering)
    rows = client.get(GROUPS).context["cl"].result_list
    assert [(row.name, row.depth, row.members_here, row.presets_here) for row in rows] == [
        ("Company", 0, 0, 0),
        ("Administration", 1, 0, 0),
        ("Engineering", 1, 1, 2),
        ("Backend", 2, 0, 0),
    ]


def test_loop_of_groups_is_refused_beside_the_field(client: Client) -> None:
    company = make_group("Company")
    engineering = make_group("Engineering", company)
    answer = submit(client, f"{GROUPS}{company.pk}/change/", parent=engineering.pk)
    assert list(errors_of(answer)) == ["parent"]
    company.refresh_from_db()
    assert company.parent is None


def test_page_of_a_group_shows_what_it_inherits(client: Client) -> None:
    company = make_group("Company")
    engineering = make_group("Engineering", company)
    backend = make_group("Backend", engineering)
    for name, group in (("A", company), ("B", engineering), ("C", backend)):
        assign_preset(actor=None, preset=make_preset(name), group=group)
    assign_preset(actor=None, preset=make_preset("D"), everyone=True)
    inherited = client.get(f"{GROUPS}{backend.pk}/change/").context["inherited"]
    assert [(row.assignment.preset.name, row.via) for row in inherited] == [
        ("B", "Engineering"),
        ("A", "Company"),
        ("D", ""),
    ]


def test_member_leaves_and_role_changes(client: Client, alice: User, bob: User) -> None:
    group = make_group("Engineering", manager=alice)
    url = f"{GROUPS}{group.pk}/change/"
    submit(client, url, **add_row("memberships", 1, user=bob.email, role="member"))
    data = typed(client.get(url))
    prefix = {  # the managers come first or last, whatever their role is called
        Membership.objects.get(pk=data[f"memberships-{n}-id"]).user: f"memberships-{n}"
        for n in range(2)
    }
    data |= {f"{prefix[alice]}-DELETE": "on", f"{prefix[bob]}-role": "manager"}
    assert client.post(url, data).status_code == 302
    assert [(m.user, m.role) for m in group.memberships.all()] == [(bob, "manager")]


def test_group_with_groups_below_is_not_deleted(client: Client) -> None:
    company = make_group("Company")
    make_group("Engineering", company)
    answer = client.post(f"{GROUPS}{company.pk}/delete/", {"post": "yes"}, follow=True)
    assert messages_of(answer) == [
        "Move or delete the groups below “Company” first: “Engineering”."
    ]
    assert Group.objects.count() == 2
