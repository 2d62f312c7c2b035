"""Who is banned stays outside; an administrator sees it and lifts it."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Ban, RefreshSession, User, Violation
from tests.accounts.requests import login, post
from tests.accounts.test_two_factor import VERIFY_TEMP, temporary_token, with_second_factor
from tests.conftest import ClientFor

BANNED = {"message": "Your account has been temporarily banned due to violations of our service."}
BANS, VIOLATIONS = "/admin/accounts/ban/", "/admin/accounts/violation/"


def ban(**who: Any) -> Ban:
    return Ban.objects.create(expires_at=timezone.now() + timedelta(hours=1), **who)


def test_banned_person_does_not_sign_in(alice: User, bob: User) -> None:
    row = ban(user=alice)
    refused = login(Client(), alice.email)
    assert (refused.status_code, refused.json()) == (403, BANNED)
    assert login(Client(), alice.email, "wrong password").status_code == 404
    assert login(Client(), bob.email).status_code == 200
    row.expires_at = timezone.now()
    row.save()
    assert login(Client(), alice.email).status_code == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/auth/login", {"email": "alice@example.com", "password": "correct horse battery"}),
        ("/api/auth/register", {}),
        ("/api/auth/requestPasswordReset", {"email": "alice@example.com"}),
        ("/api/auth/resetPassword", {}),
        (VERIFY_TEMP, {"tempToken": "x", "token": "000000"}),
    ],
)
def test_banned_address_is_refused(
    stranger: Client, alice: User, settings: Settings, path: str, body: dict[str, str]
) -> None:
    settings.ALLOW_PASSWORD_RESET = True
    ban(ip_address="203.0.113.7")
    refused = post(stranger, path, body, **{"X-Forwarded-For": "203.0.113.7"})
    assert (refused.status_code, refused.json()) == (403, BANNED)
    assert post(stranger, path, body).status_code != 403


@pytest.mark.parametrize(
    ("entered", "comes_from"),
    [
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("203.0.113.7", "::ffff:203.0.113.7"),
        ("::FFFF:CB00:7107", "203.0.113.7"),
        ("2001:DB8:0:0::7", "2001:db8::7"),
    ],
)
def test_ban_holds_however_the_address_is_written(
    admin_user: User, stranger: Client, alice: User, entered: str, comes_from: str
) -> None:
    admin = Client()
    admin.force_login(admin_user)
    until = timezone.now() + timedelta(hours=1)
    typed = {
        "user": "", "ip_address": entered, "reason": "rude",
        "expires_at_0": f"{until:%Y-%m-%d}", "expires_at_1": f"{until:%H:%M:%S}"
    }  # fmt: skip
    assert admin.post(f"{BANS}add/", typed).status_code == 302
    body = {"email": alice.email, "password": "correct horse battery"}
    refused = post(stranger, "/api/auth/login", body, **{"X-Forwarded-For": comes_from})
    assert (refused.status_code, refused.json()) == (403, BANNED)


@pytest.mark.parametrize("path", ["/api/user", "/api/token"])
def test_banned_address_gets_no_further_with_a_token(
    alice: User, client_for: ClientFor, path: str
) -> None:
    client = client_for(alice)
    ban(ip_address="203.0.113.7")
    assert client.get(path, headers={"X-Forwarded-For": "203.0.113.7"}).status_code == 403
    assert client.get(path).status_code == 200


def test_ban_counts_between_password_and_second_factor(alice: User) -> None:
    _, codes = with_second_factor(alice)
    token = temporary_token()
    ban(user=alice)
    refused = post(Client(), VERIFY_TEMP, {"tempToken": token, "backupCode": codes[0]})
    assert (refused.status_code, refused.json()) == (403, BANNED)


def test_guesses_at_the_second_factor_lead_to_a_ban(alice: User, settings: Settings) -> None:
    settings.TWO_FACTOR_TEMP_MAX, settings.BAN_INTERVAL = 1, 2
    settings.BAN_VIOLATIONS = True
    with_second_factor(alice)
    token = temporary_token()
    codes = [
        post(
            Client(), VERIFY_TEMP, {"tempToken": token, "token": "0000000"},
            **{"X-Forwarded-For": f"203.0.113.{number}"},
        ).status_code
        for number in range(4)
    ]  # fmt: skip
    assert codes == [401, 429, 429, 403]
    assert Ban.objects.get().user == alice


def test_administrator_bans_sees_and_lifts(alice: User, admin_user: User) -> None:
    login(Client(), alice.email)
    admin = Client()
    admin.force_login(admin_user)
    until = timezone.now() + timedelta(days=1)
    form = {
        "user": alice.pk, "ip_address": "", "reason": "rude",
        "expires_at_0": f"{until:%Y-%m-%d}", "expires_at_1": f"{until:%H:%M:%S}",
    }  # fmt: skip
    nobody = admin.post(f"{BANS}add/", form | {"user": ""})
    assert "Name a person, an address or both." in nobody.content.decode()
    assert admin.post(f"{BANS}add/", form).status_code == 302
    row = Ban.objects.get()
    assert (row.user, row.reason) == (alice, "rude")
    assert not RefreshSession.objects.exists()
    assert login(Client(), alice.email).status_code == 403
    assert "alice@example.com" in admin.get(BANS).content.decode()
    action = {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"}
    admin.post(BANS, action)
    assert login(Client(), alice.email).status_code == 200


def test_pages_open_for_the_administrator_alone(
    stranger: Client, alice: User, admin_user: User
) -> None:
    Violation.objects.create(user=alice, kind="concurrent", score=3)
    ban(user=alice)
    for user, status in ((alice, 302), (admin_user, 200)):
        client = Client()
        client.force_login(user)
        for path in (BANS, VIOLATIONS, f"{BANS}add/"):
            assert client.get(path).status_code == status
            assert stranger.get(path).status_code == 302
