"""The ready-made group of staff who help people to sign in, and read nobody's chats."""

from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group as StaffGroup
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Ban, Group, Invitation, Membership, RefreshSession, User, Violation
from tests.accounts.requests import login, signed_in
from tests.accounts.test_admin import session_of
from tests.accounts.test_two_factor import with_second_factor
from tests.conversations.factories import make_conversation, make_message
from tests.factories import UserFactory

USERS = "/admin/accounts/user/"


@pytest.fixture
def support(db: None) -> User:
    # Tests with real transactions empty the tables, with what migrations put there.
    import_module("accounts.migrations.0014_support").create_support(apps, None)
    user = UserFactory.create(email="support@example.com", is_staff=True)
    user.groups.add(StaffGroup.objects.get(name="Support"))
    return user


def act(client: Client, action: str, *users: User) -> str:
    """The messages after an action of the list."""
    body = {"action": action, "_selected_action": [user.pk for user in users]}
    answer = client.post(USERS, body, follow=True)
    assert answer.status_code == 200
    return " ".join(str(message) for message in answer.context["messages"])


def test_support_sees_people_and_what_happens_to_them(support: User, alice: User) -> None:
    session_of(alice)
    with_second_factor(alice)
    Membership.objects.create(user=alice, group=Group.objects.create(name="Sales", slug="sales"))
    Violation.objects.create(user=alice, kind="concurrent", score=3)
    Ban.objects.create(user=alice, reason="rude", expires_at=timezone.now() + timedelta(hours=1))
    client = signed_in(support)
    html = client.get(f"{USERS}{alice.pk}/change/").content.decode()
    for shown in (
        "Sales",
        "rude",
        "too many answers at once: 3",
        "10 backup codes left",
        "just now",
    ):
        assert shown in html
    alice.refresh_from_db()
    for hidden in (
        alice.password,
        "argon2",
        "hash-of-a-token",
        'name="email"',
        f"{alice.pk}/password",
    ):
        assert hidden not in html
    listed = client.get(USERS).content.decode()
    assert "banned" in listed
    devices = client.get(f"/admin/accounts/refreshsession/?user__id__exact={alice.pk}")
    assert "alice@example.com" in devices.content.decode()


def test_list_costs_the_same_however_many_there_are(support: User) -> None:
    client = signed_in(support)

    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(USERS).status_code == 200
        return len(queries)

    before = count()
    for user in UserFactory.create_batch(10):
        session_of(user)
    assert count() == before


def test_support_lets_people_in_and_puts_them_out(support: User, alice: User, bob: User) -> None:
    User.objects.filter(pk=bob.pk).update(is_active=False, awaits_approval=True)
    client = signed_in(support)
    assert act(client, "approve", alice, bob) == "Approved: bob@example.com."
    assert login(Client(), bob.email).status_code == 200
    assert act(client, "deactivate", alice, bob, support) == (
        "Deactivated: alice@example.com, bob@example.com."
    )
    assert not RefreshSession.objects.exists()
    assert login(Client(), alice.email).status_code == 403
    assert act(client, "activate", alice) == "Activated: alice@example.com."
    Ban.objects.create(user=alice, expires_at=timezone.now() + timedelta(hours=1))
    assert login(Client(), alice.email).status_code == 403
    assert act(client, "lift_bans", alice, bob) == "Lifted the ban: alice@example.com."
    assert login(Client(), alice.email).status_code == 200
    assert act(client, "sign_out", alice) == "Signed out: alice@example.com."
    assert not RefreshSession.objects.exists()
    with_second_factor(alice)
    act(client, "remove_second_factor", alice)
    assert "token" in login(Client(), alice.email).json()
    assert act(client, "remove_second_factor", alice) == "Nobody to do this for."


def test_link_to_set_a_password_is_mailed_and_not_shown_to_support(
    support: User, alice: User, with_mail: None, settings: Settings
) -> None:
    settings.ALLOW_PASSWORD_RESET = True
    told = act(signed_in(support), "send_password_link", alice)
    assert told == "alice@example.com: The link is on its way."
    assert "reset-password?token=" in str(mail.outbox[0].body)


def test_support_makes_no_link_without_a_mail_server(
    support: User, admin_user: User, alice: User, settings: Settings
) -> None:
    settings.ALLOW_PASSWORD_RESET = True
    told = act(signed_in(support), "send_password_link", alice)
    assert told == "There is no mail server. An administrator can make the link."
    assert not alice.one_time_tokens.exists()
    assert "reset-password?token=" in act(signed_in(admin_user), "send_password_link", alice)


def test_support_becomes_nobody_else(support: User, alice: User, admin_user: User) -> None:
    client = signed_in(support)
    before = User.objects.filter(pk__in=[alice.pk, admin_user.pk]).values()
    known = list(before)
    page = f"{USERS}{alice.pk}/change/"
    stolen = {"email": "mine@example.com", "role": "ADMIN", "is_superuser": "on"}
    assert client.post(page, stolen).status_code == 403
    passwords = {"password1": "1" * 9, "password2": "1" * 9}
    assert client.post(f"{USERS}{alice.pk}/password/", passwords).status_code == 403
    assert client.post(f"{USERS}{alice.pk}/delete/", {"post": "yes"}).status_code == 403
    assert client.get(f"{USERS}add/").status_code == 403
    for action in ("deactivate", "remove_second_factor", "sign_out", "send_password_link"):
        act(client, action, admin_user)
    assert act(client, "deactivate", admin_user) == "Nobody to do this for."
    export = client.post(USERS, {"action": "export", "_selected_action": [alice.pk]})
    assert "attachment" not in export.headers.get("Content-Disposition", "")
    assert list(before.all()) == known


def test_support_reads_no_chats(support: User, alice: User) -> None:
    conversation = make_conversation(alice, title="A secret title")
    make_message(conversation, text="A secret question")
    client = signed_in(support)
    pages = ["conversation/", f"conversation/{conversation.pk}/change/", "generation/", "memory/"]
    for page in pages:
        assert client.get(f"/admin/conversations/{page}").status_code == 403
    overview = client.get("/admin/").content.decode()
    assert "/admin/conversations/" not in overview
    assert "/admin/providers/" not in overview


def test_administrator_downloads_what_is_kept_about_one_person(
    admin_user: User, alice: User, bob: User
) -> None:
    client = signed_in(admin_user)
    answer: Any = client.post(USERS, {"action": "export", "_selected_action": [alice.pk]})
    assert answer["content-disposition"] == f'attachment; filename="account-{alice.pk}.json"'
    assert answer.json()["profile"]["email"] == "alice@example.com"
    assert act(client, "export", alice, bob) == "Choose one person."


def test_many_are_invited_at_once(admin_user: User, alice: User) -> None:
    client = signed_in(admin_user)
    page = "/admin/accounts/invitation/add/"
    typed = "Eve@Example.com, frank@example.com\n\n grace@example.com;eve@example.com"
    answer = client.post(page, {"addresses": typed}, follow=True)
    links = [
        str(message) for message in answer.context["messages"] if "register?token" in str(message)
    ]
    assert [link.partition(":")[0] for link in links] == [
        "eve@example.com",
        "frank@example.com",
        "grace@example.com",
    ]
    assert Invitation.objects.filter(invited_by=admin_user).count() == 3
    too_many = " ".join(f"p{number}@example.com" for number in range(201))
    for wrong in ("", "eve@example.com x", "new@example.com alice@example.com", too_many):
        assert client.post(page, {"addresses": wrong}).status_code == 200
    assert Invitation.objects.count() == 3
