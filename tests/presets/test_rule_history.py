"""Who changed groups, assignments and rules, when, why and from what to what; and back again."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from accounts.changes import Kind, because
from accounts.models import Group, RuleChange, User
from accounts.services import groups
from accounts.services.deletion import delete_account
from librechat_backend.lib.errors import AppError, InvalidFields
from presets.group_changes import delete_group_and_rules
from presets.history import changes_of, revert_rule
from presets.models import Assignment, Policy, Preset
from presets.policies import delete_policy, policy_state, save_policy
from presets.resolver import offer_for
from presets.services import (
    assign_preset,
    assignment_state,
    assignment_subject,
    delete_preset,
    unassign_preset,
)
from tests.conftest import ClientFor

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("offered")]


def make(slug: str = "writer") -> Preset:
    return Preset.objects.create(slug=slug, endpoint="openAI", model="gpt-4.1")


def told(kind: Kind, subject: str) -> list[tuple[Any, ...]]:
    """What is remembered, oldest first."""
    rows = RuleChange.objects.filter(kind=kind, subject=subject).order_by("version")
    return [(row.version, row.before, row.after, row.reason) for row in rows]


def back(kind: Kind, subject: str, version: int, actor: User | None = None) -> None:
    revert_rule(actor=actor, kind=kind, subject=subject, version=version)


def test_change_of_a_group_says_what_differs(admin_user: User, alice: User) -> None:
    group = groups.create_group(actor=admin_user, name="Sales")
    with because("New name"):
        groups.update_group(actor=admin_user, group=group, name="Trade")
    groups.add_member(actor=admin_user, group=group, user=alice)
    groups.add_member(actor=admin_user, group=group, user=alice)
    groups.set_role(actor=admin_user, group=group, user=alice, role="manager")
    groups.remove_member(actor=admin_user, group=group, user=alice)
    groups.remove_member(actor=admin_user, group=group, user=alice)
    made = {
        "name": "Sales", "slug": "sales", "description": "", "is_active": True, "parent": None,
    }  # fmt: skip
    member = f"member:{alice.pk}"
    assert told(Kind.GROUP, group.object_id) == [
        (1, None, made, ""),
        (2, {"name": "Sales"}, {"name": "Trade"}, "New name"),
        (3, {member: None}, {member: "member"}, ""),
        (4, {member: "member"}, {member: "manager"}, ""),
        (5, {member: "manager"}, {member: None}, ""),
    ]
    assert {row.user for row in changes_of(Kind.GROUP, group.object_id)} == {admin_user}


def test_group_is_as_it_was_when_reverted(alice: User, bob: User) -> None:
    above, other = (groups.create_group(actor=None, name=name) for name in ("Above", "Other"))
    group = groups.create_group(actor=None, name="Sales", parent=above)
    groups.add_member(actor=None, group=group, user=alice, role="manager")
    groups.update_group(actor=None, group=group, description="Words")
    groups.move_group(actor=None, group=group, parent=other)
    groups.remove_member(actor=None, group=group, user=alice)
    groups.add_member(actor=None, group=group, user=bob)
    back(Kind.GROUP, group.object_id, 2)
    group.refresh_from_db()
    assert (group.description, group.parent) == ("", above)
    assert list(group.memberships.values_list("user__name", "role")) == [("Alice", "manager")]


def test_deleted_group_comes_back_with_all_it_had(alice: User) -> None:
    group = groups.create_group(actor=None, name="Sales")
    groups.add_member(actor=None, group=group, user=alice)
    preset, subject = make(), group.object_id
    assigned = assign_preset(actor=None, preset=preset, group=group, priority=3)
    save_policy(actor=None, group=group, allows_override=False)
    given = assignment_subject(assigned)
    delete_group_and_rules(actor=None, group=group)
    assert offer_for(alice).presets == ()
    back(Kind.GROUP, subject, 2)
    back(Kind.ASSIGNMENT, given, 1)
    back(Kind.POLICY, subject, 1)
    offer = offer_for(alice)
    assert [each.slug for each in offer.presets] == ["writer"]
    assert offer.presets[0].assignment.priority == 3
    assert offer.policy.allows_override is False
    assert Group.objects.get(object_id=subject).name == "Sales"


def test_assignment_goes_through_its_history_and_back(alice: User) -> None:
    preset, until = make(), datetime(2030, 1, 1, tzinfo=UTC)
    row = assign_preset(actor=None, preset=preset, user=alice, priority=1)
    subject, first = assignment_subject(row), assignment_state(row)
    assign_preset(actor=None, preset=preset, user=alice, priority=2, ends_at=until)
    unassign_preset(actor=None, preset=preset, user=alice)
    assert [after for _, _, after, _ in told(Kind.ASSIGNMENT, subject)] == [
        first, {"priority": 2, "ends_at": "2030-01-01T00:00:00.000Z"}, None,
    ]  # fmt: skip
    back(Kind.ASSIGNMENT, subject, 2)
    row = Assignment.objects.get()
    assert (row.priority, row.ends_at, row.user) == (2, until, alice)
    back(Kind.ASSIGNMENT, subject, 1)
    assert assignment_state(Assignment.objects.get()) == first
    back(Kind.ASSIGNMENT, subject, 3)
    assert not Assignment.objects.exists()
    reasons = [reason for _, _, _, reason in told(Kind.ASSIGNMENT, subject)]
    assert reasons == ["", "", "", "Back to change 2", "Back to change 1", "Back to change 3"]


def test_rules_go_through_their_history_and_back() -> None:
    save_policy(actor=None, enforce=True)
    first = policy_state(Policy.objects.get())
    policy = save_policy(actor=None, enforce=False, scope_precedence=["system", "group", "user"])
    delete_policy(actor=None, policy=policy)
    back(Kind.POLICY, "everyone", 1)
    assert policy_state(Policy.objects.get()) == first
    back(Kind.POLICY, "everyone", 3)
    assert not Policy.objects.exists()


def test_nothing_is_remembered_when_nothing_differs() -> None:
    preset = make()
    for _ in range(2):
        row = assign_preset(actor=None, preset=preset, everyone=True, priority=1)
        save_policy(actor=None, enforce=True)
    assert len(changes_of(Kind.ASSIGNMENT, assignment_subject(row))) == 1
    assert len(changes_of(Kind.POLICY, "everyone")) == 1


def test_reverting_is_refused_whole_when_it_cannot_be_as_it_was(alice: User, bob: User) -> None:
    group = groups.create_group(actor=None, name="Sales")
    gone = groups.create_group(actor=None, name="Gone")
    groups.move_group(actor=None, group=group, parent=gone)
    groups.move_group(actor=None, group=group, parent=None)
    groups.delete_group(actor=None, group=gone)
    groups.update_group(actor=None, group=group, description="Words")
    preset = make()
    given = assign_preset(actor=None, preset=preset, user=bob)
    subject = assignment_subject(given)
    delete_preset(actor=None, preset=preset)
    before = RuleChange.objects.count()
    tries: list[tuple[Callable[[], None], str]] = [
        (lambda: back(Kind.GROUP, group.object_id, 2), "belonged to then has been deleted"),
        (lambda: back(Kind.GROUP, group.object_id, 99), "There is no change 99."),
        (lambda: back(Kind.ASSIGNMENT, subject, 1), "The preset has been deleted."),
    ]
    for attempt, message in tries:
        with pytest.raises(InvalidFields, match=message):
            attempt()
    group.refresh_from_db()
    assert (group.description, RuleChange.objects.count()) == ("Words", before)


def test_stranger_reverts_nothing(charlie: User) -> None:
    group = groups.create_group(actor=None, name="Sales")
    groups.update_group(actor=None, group=group, name="Trade")
    save_policy(actor=None, enforce=True)
    save_policy(actor=None, enforce=False)
    row = assign_preset(actor=None, preset=make(), everyone=True)
    unassign_preset(actor=None, preset=row.preset, everyone=True)
    before = RuleChange.objects.count()
    for kind, subject in (
        (Kind.GROUP, group.object_id), (Kind.POLICY, "everyone"),
        (Kind.ASSIGNMENT, assignment_subject(row)),
    ):  # fmt: skip
        with pytest.raises(AppError):
            back(kind, subject, 1, actor=charlie)
    assert RuleChange.objects.count() == before


def test_name_of_a_person_goes_with_them(client: Client, alice: User) -> None:
    row = assign_preset(actor=None, preset=make(), user=alice)
    of = f"/admin/accounts/rulechange/of/assignment/{assignment_subject(row)}/"
    pages = ("/admin/accounts/rulechange/", of)
    assert all("writer → alice@example.com" in client.get(p).content.decode() for p in pages)
    delete_account(user=alice)
    for path in pages:
        text = client.get(path).content.decode()
        assert "writer → a person" in text
        assert "alice@example.com" not in text
    assert "alice" not in str(list(RuleChange.objects.values()))


# -- Pages -----------------------------------------------------------------------------------


@pytest.fixture
def client(admin_user: User) -> Client:
    client = Client()
    client.force_login(admin_user)
    return client


def test_page_shows_who_when_why_and_what_and_reverts(client: Client, alice: User) -> None:
    group = groups.create_group(actor=None, name="Sales")
    form = {
        "name": "Trade", "slug": "sales", "description": "", "is_active": "on", "parent": "",
        "reason": "They asked for it",
        "memberships-TOTAL_FORMS": "1", "memberships-INITIAL_FORMS": "0",
        "memberships-0-user": alice.email, "memberships-0-role": "member",
        "assignments-TOTAL_FORMS": "0", "assignments-INITIAL_FORMS": "0",
    }  # fmt: skip
    path = f"/admin/accounts/group/{group.pk}/"
    assert client.post(f"{path}change/", form).status_code == 302
    page = client.get(f"{path}history/", follow=True)
    text = page.content.decode()
    assert [line.version for line in page.context["lines"]] == [3, 2, 1]
    assert text.count("by admin@example.com: They asked for it") == 2
    assert "<th>Member alice@example.com</th>" in text
    assert '<pre class="was">Sales</pre>' in text
    assert '<pre class="is">Trade</pre>' in text
    of = f"/admin/accounts/rulechange/of/group/{group.object_id}/"
    assert client.get(f"{of}revert/1/").status_code == 405
    answer = client.post(f"{of}revert/1/", {"reason": "Or not"}, follow=True)
    assert "It is as it was after change 1." in answer.content.decode()
    group.refresh_from_db()
    assert (group.name, group.memberships.count()) == ("Sales", 0)
    assert changes_of(Kind.GROUP, group.object_id)[0].reason == "Or not"


def test_pages_of_assignments_and_rules_lead_to_their_history(client: Client) -> None:
    group = groups.create_group(actor=None, name="Sales")
    row = assign_preset(actor=None, preset=make(), group=group)
    policy = save_policy(actor=None, group=group, enforce=True)
    for kind, each in (("assignment", row), ("policy", policy)):
        path = f"/admin/presets/{kind}/{each.pk}/"
        assert f'href="{path}history/"' in client.get(f"{path}change/").content.decode()
        page = client.get(f"{path}history/", follow=True)
        assert [line.what for line in page.context["lines"]] == ["made"]
    listed = client.get("/admin/accounts/rulechange/").content.decode()
    assert "who gets what: writer → Sales (made)" in listed
    assert "rules: Rules for Sales (made)" in listed


def test_what_was_deleted_comes_back_from_the_list_of_changes(client: Client) -> None:
    group = groups.create_group(actor=None, name="Sales")
    client.post(f"/admin/accounts/group/{group.pk}/delete/", {"post": "yes"})
    assert not Group.objects.exists()
    of = f"/admin/accounts/rulechange/of/group/{group.object_id}/"
    page = client.get(of).content.decode()
    assert "It has been deleted." in page
    client.post(f"{of}revert/1/")
    assert Group.objects.get().name == "Sales"


def test_managers_see_the_history_of_their_groups_only(alice: User, bob: User) -> None:
    own, foreign = (groups.create_group(actor=None, name=name) for name in ("Own", "Foreign"))
    groups.add_member(actor=None, group=own, user=alice, role="manager")
    for group in (own, foreign):
        groups.update_group(actor=None, group=group, description="Words")
    client = Client()
    client.force_login(alice)
    of = "/admin/accounts/rulechange/of/group/"
    assert client.get(f"{of}{own.object_id}/").status_code == 200
    for path in (f"{of}{foreign.object_id}/", f"{of}unknown/", "/admin/accounts/rulechange/"):
        assert client.get(path).status_code == 403
    assert client.post(f"{of}{foreign.object_id}/revert/1/").status_code == 403
    client.post(f"{of}{own.object_id}/revert/2/")  # before the words
    own.refresh_from_db()
    foreign.refresh_from_db()
    assert (own.description, foreign.description) == ("", "Words")
    client.force_login(bob)
    assert client.get(f"{of}{own.object_id}/").status_code in (302, 403)


def test_reason_is_remembered_when_the_api_gives_one(
    admin_user: User, alice: User, client_for: ClientFor
) -> None:
    client, preset = client_for(admin_user), make()

    def send(method: str, path: str, **body: Any) -> Any:
        answer = getattr(client, method)(
            f"/api/admin/{path}", body, content_type="application/json"
        )
        assert answer.status_code in (200, 201), answer.content
        return answer.json()

    group = send("post", "groups", name="Sales", reason="one")["group"]
    send("post", f"groups/{group['id']}/members", userId=alice.pk, reason="two")
    send("patch", f"groups/{group['id']}/members/{alice.pk}", role="manager", reason="three")
    send("patch", f"groups/{group['id']}", name="Trade", reason="four")
    send("post", f"presets/{preset.pk}/assign", groupId=group["id"], reason="five")
    send("post", f"presets/{preset.pk}/unassign", groupId=group["id"], reason="six")
    send("put", "policy", enforce=True, reason="seven")
    reasons = RuleChange.objects.order_by("created_at").values_list("reason", flat=True)
    assert list(reasons) == ["one", "two", "three", "four", "five", "six", "seven"]
    assert set(RuleChange.objects.values_list("user", flat=True)) == {admin_user.pk}
