"""The admin of who gets presets, of rules and of groups: what is typed is what is stored."""

import pytest
from django.test import Client

from accounts.models import Group, Membership, User
from presets.models import Assignment, Policy
from presets.services import assign_preset
from tests.presets.admin_pages import (
    ASSIGNMENTS,
    GROUPS,
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
