"""Forgotten passwords (contract 01 §4.6)."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.core import mail
from django.test import Client
from django.utils import timezone
from pytest_django import Settings
from structlog.testing import capture_logs

from accounts.models import OneTimeToken, RefreshSession, User
from accounts.services import passwords, verification
from tests.accounts.mailed_links import (
    LINK_SENT,
    NEW_PASSWORD,
    ask_for_reset,
    link_in,
    query_of,
    set_password,
)
from tests.accounts.requests import login, post, signed_in
from tests.factories import PASSWORD, UserFactory


def test_password_is_set_by_the_mailed_link(
    stranger: Client, alice: User, with_mail: None, resets_allowed: None, settings: Settings
) -> None:
    settings.ALLOW_UNVERIFIED_EMAIL_LOGIN = True
    login(stranger, "alice@example.com")
    response = ask_for_reset(stranger, " Alice@Example.com")
    assert (response.status_code, response.json()) == (200, LINK_SENT)
    (message,) = mail.outbox
    assert (message.subject, message.to) == ("Password Reset Request", ["alice@example.com"])
    link = link_in(message)
    assert query_of(link)["userId"] == alice.pk
    assert re.fullmatch("[0-9a-f]{64}", query_of(link)["token"])

    response = set_password(stranger, link)
    assert (response.status_code, response.json()) == (
        200,
        {"message": "Password reset was successful"},
    )
    assert mail.outbox[1].subject == "Password Reset Successfully"
    assert not RefreshSession.objects.exists()
    assert login(Client(), "alice@example.com").status_code == 404
    assert login(Client(), "alice@example.com", NEW_PASSWORD).status_code == 200

    again = set_password(stranger, link, "yet another one")
    assert (again.status_code, again.json()) == (400, {})
    assert login(Client(), "alice@example.com", NEW_PASSWORD).status_code == 200


def test_only_a_hash_of_the_token_is_stored(
    stranger: Client, alice: User, with_mail: None, resets_allowed: None
) -> None:
    ask_for_reset(stranger)
    token = query_of(link_in(mail.outbox[0]))["token"]
    assert token not in str(list(OneTimeToken.objects.values()))


def test_link_is_in_the_log_and_in_no_answer_without_a_mail_server(
    stranger: Client, alice: User, resets_allowed: None
) -> None:
    with capture_logs() as events:
        response = ask_for_reset(stranger)
    assert response.json() == LINK_SENT
    (event,) = [event for event in events if event["event"] == "no_mail_server"]
    assert (event["log_level"], event["user"]) == ("warning", alice.pk)
    assert mail.outbox == []
    assert set_password(stranger, event["link"]).status_code == 200


def test_reset_is_refused_when_switched_off(stranger: Client, alice: User) -> None:
    link = passwords.mail_reset_link(user=alice)
    empty = post(stranger, "/api/auth/resetPassword", **{"X-Forwarded-For": "203.0.113.1"})
    for response in (ask_for_reset(stranger), set_password(stranger, link), empty):
        assert response.status_code == 403
        assert response.content == b"Password reset is not allowed."
        assert response["Content-Type"].startswith("text/plain")
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


def test_reset_is_refused_when_the_domain_may_have_no_accounts(
    stranger: Client, alice: User, resets_allowed: None, settings: Settings
) -> None:
    settings.ALLOWED_REGISTRATION_DOMAINS = ["school.example"]
    response = ask_for_reset(stranger)
    assert (response.status_code, response.json()) == (400, {"code": "auth_failed"})


@pytest.mark.parametrize(
    "changes",
    [
        {"token": "0" * 64},
        {"token": None},
        {"token": ["x"]},
        {"userId": "bob"},
        {"userId": "\0"},
        {"password": "short", "confirm_password": "short"},
        {"confirm_password": "another"},
    ],
)
def test_password_stays_when_the_form_is_wrong(
    stranger: Client, alice: User, bob: User, resets_allowed: None, changes: dict[str, Any]
) -> None:
    link = passwords.mail_reset_link(user=alice)
    changes = changes | ({"userId": bob.pk} if changes.get("userId") == "bob" else {})
    assert set_password(stranger, link, **changes).status_code == 400
    for user in User.objects.all():
        assert user.check_password(PASSWORD)
    assert set_password(stranger, link).status_code == 200


def test_password_stays_when_the_link_is_late_or_the_address_changed(
    stranger: Client, alice: User, resets_allowed: None
) -> None:
    link = passwords.mail_reset_link(user=alice)
    with time_machine.travel(timezone.now() + timedelta(minutes=15, seconds=1)):
        assert set_password(stranger, link).status_code == 400
    User.objects.filter(pk=alice.pk).update(email="alicia@example.com")
    assert set_password(stranger, link).status_code == 400


def test_verification_token_resets_no_password(
    stranger: Client, alice: User, with_mail: None, resets_allowed: None
) -> None:
    verification.mail_verification_link(user=alice)
    token = query_of(link_in(mail.outbox[0]))["token"]
    assert set_password(stranger, f"?token={token}&userId={alice.pk}").status_code == 400


def test_failing_mail_server_is_logged_and_changes_nothing(
    stranger: Client, alice: User, with_mail: None, resets_allowed: None, settings: Settings
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    with capture_logs() as events:
        assert ask_for_reset(stranger).json() == LINK_SENT
    (event,) = [event for event in events if event["event"] == "mail_failed"]
    assert event["reason"] == "ConnectionRefusedError"


def test_administrator_makes_a_link_to_set_a_password(
    stranger: Client, alice: User, admin_user: User, resets_allowed: None
) -> None:
    page = signed_in(admin_user).post(
        "/admin/accounts/user/",
        {"action": "send_password_link", "_selected_action": [alice.pk]},
        follow=True,
    )
    found = re.search(r"token=([0-9a-f]{64})&amp;userId=(\w+)", page.content.decode())
    assert found
    link = f"?token={found[1]}&userId={found[2]}"
    assert set_password(stranger, link).status_code == 200


def test_helper_makes_no_link_for_an_administrator(
    alice: User, admin_user: User, resets_allowed: None
) -> None:
    helper = UserFactory.create(is_staff=True)
    helper.user_permissions.set(Permission.objects.filter(content_type__app_label="accounts"))
    signed_in(helper).post(
        "/admin/accounts/user/",
        {"action": "send_password_link", "_selected_action": [alice.pk, admin_user.pk]},
    )
    assert [token.user for token in OneTimeToken.objects.all()] == [alice]
