"""Managers of groups in the admin: their subtree, and nothing beside it."""

from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client

from accounts.models import Group, Membership, User
from accounts.services.groups import add_member
from presets.models import Assignment, Policy, Preset
from presets.policies import save_policy
from presets.services import assign_preset
from tests.factories import PASSWORD
from tests.presets.admin_pages import (
    ASSIGNMENTS,
    GROUPS,
    PRESETS,
    RULES,
    add_row,
    errors_of,
    make_group,
    make_preset,
    signed_in,
    submit,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("offered")]


@dataclass
class World:
    """Company above two teams; alice manages Engineering, bob is in it, charlie manages Sales."""

    company: Group
    engineering: Group
    backend: Group
    sales: Group
    own: Preset
    shared: Preset
    foreign: Preset
    own_row: Assignment
    shared_row: Assignment
    foreign_row: Assignment


@pytest.fixture
def world(alice: User, bob: User, charlie: User) -> World:
    company = make_group("Company")
    engineering = make_group("Engineering", company, manager=alice)
    backend, sales = make_group("Backend", engineering), make_group("Sales", company, charlie)
    add_member(actor=None, group=engineering, user=bob)
    own = make_preset("Own", owner_group=engineering)
    shared = make_preset("Shared", system_message="The company's secret.")
    foreign = make_preset("Foreign", owner_group=sales)
    return World(
        company, engineering, backend, sales, own, shared, foreign,
        own_row=assign_preset(actor=None, preset=own, group=engineering),
        shared_row=assign_preset(actor=None, preset=shared, everyone=True),
        foreign_row=assign_preset(actor=None, preset=foreign, group=sales),
    )  # fmt: skip


@pytest.fixture
def manager(alice: User, world: World) -> Client:
    return signed_in(alice)


def is_denied(answer: Any) -> bool:
    """Forbidden, or sent back to the overview or to the sign-in as if it did not exist."""
    is_sent_back = answer.status_code == 302 and (
        answer.headers["Location"] == "/admin/"
        or answer.headers["Location"].startswith("/admin/login/")
    )
    return answer.status_code in (403, 404) or is_sent_back


def state() -> list[Any]:
    """Everything a manager could spoil."""
    return [
        list(model.objects.order_by("pk").values())
        for model in (Group, Membership, Preset, Assignment, Policy)
    ]


# -- Signing in ------------------------------------------------------------------------------


def test_manager_signs_in_to_the_admin(alice: User, world: World) -> None:
    client = Client()
    answer = client.post(
        "/admin/login/", {"username": alice.email, "password": PASSWORD, "next": "/admin/"}
    )
    assert (answer.status_code, answer.headers["Location"]) == (302, "/admin/")
    apps = {app["app_label"] for app in client.get("/admin/").context["app_list"]}
    assert apps == {"accounts", "presets", "usage"}


def test_member_and_stranger_do_not_get_in(bob: User, world: World) -> None:
    answer = Client().post("/admin/login/", {"username": bob.email, "password": PASSWORD})
    assert answer.status_code == 200
    for client in (signed_in(bob), Client()):
        assert client.get("/admin/").headers["Location"].startswith("/admin/login/")


def test_manager_of_the_past_is_out(alice: User, manager: Client) -> None:
    Membership.objects.filter(user=alice).delete()
    assert is_denied(manager.get(PRESETS))


# -- Seeing ----------------------------------------------------------------------------------


def listed(client: Client, url: str) -> set[str]:
    return {str(row) for row in client.get(url).context["cl"].result_list}


def test_lists_hold_the_subtree(manager: Client, world: World) -> None:
    save_policy(actor=None, group=world.sales, enforce=True)
    save_policy(actor=None, group=world.backend, enforce=True)
    assert listed(manager, GROUPS) == {"Engineering", "Backend"}
    assert listed(manager, PRESETS) == {"Own", "Shared"}
    assert listed(manager, ASSIGNMENTS) == {"Own → Engineering"}
    assert listed(manager, RULES) == {"Rules for Backend"}


def test_filters_name_no_foreign_group(manager: Client, world: World) -> None:
    for url in (PRESETS, ASSIGNMENTS, f"{ASSIGNMENTS}?group__id__exact={world.sales.pk}"):
        page = manager.get(url).content.decode()
        assert "Sales" not in page
        assert "Foreign" not in page


def test_choices_hold_the_subtree(manager: Client, world: World) -> None:
    def choices(url: str, field: str) -> list[str]:
        form = manager.get(url).context["adminform"].form
        return [label.strip("\u2003└ ") for value, label in form.fields[field].choices if value]

    assert choices(f"{PRESETS}add/", "owner_group") == ["Engineering", "Backend"]
    assert choices(f"{PRESETS}add/", "extends") == ["Own", "Shared"]
    assert choices(f"{ASSIGNMENTS}add/", "group") == ["Engineering", "Backend"]
    assert choices(f"{ASSIGNMENTS}add/", "preset") == ["Own", "Shared"]
    assert choices(f"{GROUPS}add/", "parent") == ["Engineering", "Backend"]


def test_rules_can_be_seen_but_not_changed(manager: Client, world: World) -> None:
    own = save_policy(actor=None, group=world.engineering, enforce=True)
    before = state()
    assert manager.get(f"{RULES}{own.pk}/change/").status_code == 200
    assert is_denied(manager.get(f"{RULES}add/"))
    for url in (f"{RULES}add/", f"{RULES}{own.pk}/change/", f"{RULES}{own.pk}/delete/"):
        assert is_denied(manager.post(url, {"group": world.backend.pk, "enforce": "false"}))
    assert state() == before


def test_offered_people_are_the_groups_own(manager: Client, world: World) -> None:
    people = manager.get(f"{ASSIGNMENTS}add/").context["people"]
    assert [person.email for person in people] == ["alice@example.com", "bob@example.com"]


def test_instructions_of_others_stay_private(manager: Client, world: World, alice: User) -> None:
    child = make_preset("Child", owner_group=world.engineering, extends=world.shared)
    assign_preset(actor=None, preset=child, group=world.engineering)
    pages = (
        f"{PRESETS}{world.shared.pk}/change/",
        f"{PRESETS}{world.shared.pk}/history/",
        f"{PRESETS}{child.pk}/change/",
        f"{PRESETS}{child.pk}/history/",
        f"{PRESETS}preview/?person={alice.email}",
    )
    for url in pages:
        answer = manager.get(url)
        assert answer.status_code == 200
        assert "secret" not in answer.content.decode(), url


# -- Direct addresses ------------------------------------------------------------------------


@pytest.mark.parametrize("lookup", ["startswith", "icontains", "regex", "gt"])
def test_instructions_are_not_told_letter_by_letter(
    manager: Client, world: World, lookup: str
) -> None:
    assert listed(manager, f"{PRESETS}?model__exact=gpt-4.1") == {"Own", "Shared"}
    assert manager.get(f"{PRESETS}?system_message__{lookup}=The").status_code == 400


def test_foreign_pages_are_denied(manager: Client, world: World) -> None:
    policy = save_policy(actor=None, group=world.sales, enforce=True)
    everyone = save_policy(actor=None, enforce=False)
    pages = [
        f"{GROUPS}{world.company.pk}/change/",
        f"{GROUPS}{world.sales.pk}/change/",
        f"{GROUPS}{world.sales.pk}/delete/",
        f"{GROUPS}{world.sales.pk}/history/",
        f"{GROUPS}{world.engineering.pk}/delete/",
        f"{PRESETS}{world.foreign.pk}/change/",
        f"{PRESETS}{world.foreign.pk}/delete/",
        f"{PRESETS}{world.foreign.pk}/history/",
        f"{PRESETS}{world.foreign.pk}/try/",
        f"{PRESETS}{world.shared.pk}/try/",
        f"{PRESETS}{world.shared.pk}/delete/",
        f"{PRESETS}preview/?person=charlie@example.com",
        f"{ASSIGNMENTS}{world.foreign_row.pk}/change/",
        f"{ASSIGNMENTS}{world.foreign_row.pk}/delete/",
        f"{ASSIGNMENTS}{world.shared_row.pk}/change/",
        f"{RULES}{policy.pk}/change/",
        f"{RULES}{everyone.pk}/change/",
        "/admin/accounts/user/",
        "/admin/accounts/role/",
        "/admin/providers/channel/",
        "/admin/conversations/conversation/",
    ]
    before = state()
    for url in pages:
        assert is_denied(manager.get(url)), url
        assert is_denied(manager.post(url, {"post": "yes", "name": "Taken", "enforce": ""})), url
    assert state() == before


def test_buttons_of_foreign_presets_are_denied(manager: Client, world: World) -> None:
    before = state()
    for preset in (world.foreign, world.shared):
        for button in ("duplicate/", "revert/1/", "try/answer/"):
            url = f"{PRESETS}{preset.pk}/{button}"
            assert is_denied(manager.post(url, {"prompt": "Hello"})), url
    assert state() == before


def test_actions_leave_foreign_rows_alone(manager: Client, world: World) -> None:
    before = state()
    presets = [world.foreign.pk, world.shared.pk]
    rows = [world.foreign_row.pk, world.shared_row.pk]
    for action in ("deactivate", "duplicate_selected", "delete_selected"):
        data = {"action": action, "post": "yes", "_selected_action": presets}
        manager.post(PRESETS, data)
        manager.post(ASSIGNMENTS, {**data, "_selected_action": rows})
    assert state() == before


def test_forged_line_of_the_list_is_refused(manager: Client, world: World) -> None:
    before = state()
    data = {"form-0-id": world.foreign_row.pk, "form-0-priority": "99", "_save": "Save"}
    submit(manager, ASSIGNMENTS, **data)
    assert state() == before


@pytest.mark.parametrize("everybody", [True, False])
def test_stranger_sees_no_page(charlie: User, world: World, everybody: bool) -> None:
    """Charlie manages another team; a person without a session is nobody."""
    client = signed_in(charlie) if everybody else Client()
    own, row = world.own.pk, world.own_row.pk
    for url in (
        f"{PRESETS}{own}/change/", f"{PRESETS}{own}/history/", f"{PRESETS}{own}/try/",
        f"{PRESETS}preview/?person=bob@example.com", f"{ASSIGNMENTS}{row}/change/",
        f"{GROUPS}{world.engineering.pk}/change/", f"{GROUPS}{world.backend.pk}/change/",
    ):  # fmt: skip
        assert is_denied(client.get(url)), url


def test_what_if_refuses_foreign_people_and_groups(manager: Client, world: World) -> None:
    before, url = state(), f"{PRESETS}what-if/"
    change = {"change0-kind": "give", "change0-preset": world.own.pk}
    answer = manager.post(url, {"person": "charlie@example.com", **change})
    assert answer.status_code == 403
    answer = manager.post(url, {"group": world.sales.pk, **change})
    assert list(answer.context["subject"].errors) == ["group"]
    answer = manager.post(url, {"person": "bob@example.com", **change})
    refusal = answer.context["changes"][0].non_field_errors()
    assert refusal == ["You may not change this."]  # it would be for everyone
    assert state() == before


# -- Changing --------------------------------------------------------------------------------


def test_manager_makes_a_preset_and_gives_it(manager: Client, alice: User, world: World) -> None:
    row = add_row(
        "assignments", group=world.backend.pk, effect="allow", priority="1", is_active="on"
    )
    fields = {"name": "New", "endpoint": "openAI", "model": "o3"}
    answer = submit(manager, f"{PRESETS}add/", **fields, owner_group=world.engineering.pk, **row)
    assert answer.status_code == 302, errors_of(answer)
    preset = Preset.objects.get(name="New")
    assert preset.owner_group == world.engineering
    assert [a.group for a in preset.assignments.all()] == [world.backend]
    assert preset.versions.get().user == alice


def test_preset_of_a_manager_belongs_to_their_group(manager: Client, world: World) -> None:
    before, url = state(), f"{PRESETS}add/"
    fields = {"name": "New", "endpoint": "openAI", "model": "o3"}
    assert list(errors_of(submit(manager, url, **fields))) == ["owner_group"]
    answer = submit(manager, url, **fields, owner_group=world.sales.pk)
    assert list(errors_of(answer)) == ["owner_group"]
    answer = submit(manager, url, **fields, owner_group=world.backend.pk, extends=world.foreign.pk)
    assert list(errors_of(answer)) == ["extends"]
    assert state() == before


def test_manager_gives_to_nobody_beyond_the_subtree(manager: Client, world: World) -> None:
    before, url = state(), f"{ASSIGNMENTS}add/"
    for whom in ({}, {"group": world.sales.pk}, {"user": "charlie@example.com"}):
        answer = submit(manager, url, preset=world.own.pk, **whom)
        assert answer.status_code == 200, whom
    assert errors_of(submit(manager, url, preset=world.own.pk)) == {
        "__all__": ["You may not change this."]
    }
    answer = submit(manager, url, preset=world.foreign.pk, group=world.backend.pk)
    assert list(errors_of(answer)) == ["preset"]
    assert state() == before
    assert submit(manager, url, preset=world.own.pk, user="bob@example.com").status_code == 302


def test_manager_changes_members_but_not_the_place_of_the_group(
    manager: Client, world: World, charlie: User
) -> None:
    url = f"{GROUPS}{world.engineering.pk}/change/"
    count = world.engineering.memberships.count()
    answer = submit(
        manager,
        url,
        name="Engineers",
        parent=world.backend.pk,
        is_active=None,
        **add_row("memberships", count, user=charlie.email, role="member"),
    )
    assert answer.status_code == 302, errors_of(answer)
    world.engineering.refresh_from_db()
    assert world.engineering.name == "Engineers"
    assert (world.engineering.parent, world.engineering.is_active) == (world.company, True)
    assert world.engineering.memberships.filter(user=charlie, role="member").exists()


def test_manager_adds_groups_only_below_their_own(manager: Client, world: World) -> None:
    url = f"{GROUPS}add/"
    assert submit(manager, url, name="Frontend", parent=world.engineering.pk).status_code == 302
    before = state()
    answer = submit(manager, url, name="Rival", parent=world.sales.pk)
    assert list(errors_of(answer)) == ["parent"]
    assert errors_of(submit(manager, url, name="Rival")) == {
        "__all__": ["You may not change this."]
    }
    assert state() == before


def test_rows_of_other_groups_are_not_on_the_page(manager: Client, world: World) -> None:
    assign_preset(actor=None, preset=world.own, group=world.sales)
    page = manager.get(f"{PRESETS}{world.own.pk}/change/")
    rows = page.context["inline_admin_formsets"][0].formset.queryset
    assert [row.group for row in rows] == [world.engineering]
