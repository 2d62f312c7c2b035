from datetime import timedelta
from typing import Any

import argon2
import bcrypt
import pytest
import time_machine
from django.contrib.auth.hashers import identify_hasher
from django.test import Client, override_settings
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.models import Ban, RefreshSession, User
from accounts.tokens import verify_access_token
from librechat_backend.lib import crypto
from tests.accounts.requests import login, post
from tests.factories import PASSWORD

WRONG = {"message": "Email or password is wrong."}
REAL_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "accounts.hashers.LibreChatPasswordHasher",
]


def test_token_and_user_are_returned_when_the_password_is_right(
    stranger: Client, alice: User
) -> None:
    response = login(stranger, "alice@example.com")
    assert response.status_code == 200
    body = response.json()
    assert set(body) == {"token", "user"}
    assert verify_access_token(body["token"]) == alice.pk
    assert body["user"]["id"] == body["user"]["_id"] == alice.pk
    alice.refresh_from_db()
    assert alice.last_login is not None


def test_cookies_are_those_of_the_contract_when_signed_in(stranger: Client, alice: User) -> None:
    response = login(stranger, "alice@example.com")
    session = RefreshSession.objects.get()
    assert set(response.cookies) == {"refreshToken", "token_provider"}
    assert response.cookies["token_provider"].value == "librechat"
    for cookie in response.cookies.values():
        assert cookie["httponly"] is True
        assert cookie["samesite"] == "Strict"
        assert cookie["path"] == "/"
        assert cookie["secure"] == ""
        assert 604_790 < int(cookie["max-age"]) <= 604_800
        assert cookie["expires"].endswith("GMT")
    assert crypto.token_hash(response.cookies["refreshToken"].value) == session.token_hash


@override_settings(SESSION_COOKIE_SECURE=True)
def test_cookies_are_secure_when_the_setting_says_so(stranger: Client, alice: User) -> None:
    response = login(stranger, "alice@example.com")
    assert [cookie["secure"] for cookie in response.cookies.values()] == [True, True]


def test_device_is_recorded_when_signed_in(stranger: Client, alice: User) -> None:
    login(stranger, "alice@example.com", **{"User-Agent": "Browser" * 100})
    session = RefreshSession.objects.get()
    assert session.user == alice
    assert session.ip_address == "127.0.0.1"
    assert session.user_agent == ("Browser" * 100)[:300]


def test_ended_sessions_of_the_user_are_removed_when_signed_in(
    stranger: Client, alice: User, bob: User
) -> None:
    long_ago = timezone.now() - timedelta(days=1)
    old = RefreshSession.objects.create(user=alice, token_hash="x", expires_at=long_ago)
    other = RefreshSession.objects.create(user=bob, token_hash="y", expires_at=long_ago)
    login(stranger, "alice@example.com")
    assert not RefreshSession.objects.filter(pk=old.pk).exists()
    assert RefreshSession.objects.filter(pk=other.pk).exists()


@pytest.mark.parametrize("email", ["ALICE@Example.com", "  alice@example.com "])
def test_address_matches_when_case_or_blanks_differ(
    stranger: Client, alice: User, email: str
) -> None:
    assert login(stranger, email).status_code == 200


@pytest.mark.parametrize(
    ("email", "password"),
    [("nobody@example.com", PASSWORD), ("alice@example.com", "wrong password")],
)
def test_answer_is_the_same_when_address_or_password_is_wrong(
    stranger: Client, alice: User, email: str, password: str
) -> None:
    response = login(stranger, email, password)
    assert (response.status_code, response.json()) == (404, WRONG)
    assert not response.cookies
    assert not RefreshSession.objects.exists()


def test_login_fails_when_the_account_has_no_password(stranger: Client, alice: User) -> None:
    alice.set_unusable_password()
    alice.save()
    assert login(stranger, "alice@example.com").json() == WRONG


@pytest.mark.parametrize("path", ["/api/auth/login", "/admin/login/"])
@pytest.mark.parametrize("has_imported", [False, True])
def test_every_failed_login_costs_the_same_hashes(
    stranger: Client,
    alice: User,
    bob: User,
    charlie: User,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    has_imported: bool,
    path: str,
) -> None:
    """Whoever measures learns neither who has an account, nor who came from LibreChat."""
    settings.PASSWORD_HASHERS = REAL_HASHERS
    alice.set_password(PASSWORD)
    alice.save()
    charlie.set_unusable_password()
    charlie.save()
    attempts = [alice.email, charlie.email, "nobody@example.com"]
    if has_imported:
        bob.password = "bcrypt$" + bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
        bob.save()
        attempts.append(bob.email)
    done: list[str] = []
    count(done, monkeypatch)
    costs = []
    for email in attempts:
        done.clear()
        form = {"email": email, "username": email, "password": "wrong password"}
        if path == "/admin/login/":
            assert stranger.post(path, form).status_code == 200
        else:
            assert post(stranger, path, form).json() == WRONG
        costs.append(sorted(done))
    expected = ["argon2", "bcrypt"] if has_imported else ["argon2"]
    assert costs == [expected] * len(attempts)


def count(done: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Every hash that is computed leaves the name of its algorithm in ``done``."""
    hash_argon2, verify_argon2 = argon2.low_level.hash_secret, argon2.PasswordHasher.verify
    hash_bcrypt = bcrypt.hashpw

    def counted(name: str, function: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            done.append(name)
            return function(*args, **kwargs)

        return call

    monkeypatch.setattr(argon2.low_level, "hash_secret", counted("argon2", hash_argon2))
    monkeypatch.setattr(argon2.PasswordHasher, "verify", counted("argon2", verify_argon2))
    monkeypatch.setattr(bcrypt, "hashpw", counted("bcrypt", hash_bcrypt))


@pytest.mark.parametrize(
    "body",
    [{}, None, [], {"email": "a@example.com"}, {"password": "x"}, {"email": "", "password": ""}],
)
def test_credentials_are_missing_when_a_member_is_absent(
    stranger: Client, db: None, body: Any
) -> None:
    response = post(stranger, "/api/auth/login", body)
    assert (response.status_code, response.json()) == (404, {"message": "Missing credentials"})


@pytest.mark.parametrize(
    ("email", "password", "message"),
    [
        ("alice", PASSWORD, "email: Invalid email"),
        ({"$gt": "a"}, PASSWORD, "email: Invalid email"),
        ("alice@example.com", "short", "password: Must contain at least 8 characters"),
        ("alice@example.com", "x" * 129, "password: Must contain at most 128 characters"),
        ("alice@example.com", " " * 9, "password: Password cannot be only spaces"),
        ("alice@example.com", 12345678, "password: Must contain at least 8 characters"),
        ("alice", "x", "email: Invalid email password: Must contain at least 8 characters"),
    ],
)
def test_problem_is_named_when_a_field_is_invalid(
    stranger: Client, alice: User, email: object, password: object, message: str
) -> None:
    response = login(stranger, email, password)
    assert (response.status_code, response.json()) == (404, {"message": message})


def test_login_is_banned_when_the_user_is_inactive(stranger: Client, alice: User) -> None:
    User.objects.update(is_active=False)
    response = login(stranger, "alice@example.com")
    assert response.status_code == 403
    assert response.json() == {
        "message": "Your account has been temporarily banned due to violations of our service."
    }
    assert login(stranger, "alice@example.com", "wrong password").json() == WRONG
    assert not RefreshSession.objects.exists()


@override_settings(ALLOW_EMAIL_LOGIN=False)
def test_login_is_refused_when_switched_off(stranger: Client, alice: User) -> None:
    response = login(stranger, "alice@example.com")
    assert (response.status_code, response.json()) == (
        403,
        {"message": "Email login is not allowed."},
    )


def test_body_is_refused_when_it_is_not_json(stranger: Client, db: None) -> None:
    response = stranger.post("/api/auth/login", "{", content_type="application/json")
    assert response.status_code == 400
    assert response.json() == {
        "error": "Invalid JSON format",
        "message": "The request body contains malformed JSON",
    }


def test_login_is_refused_when_tried_too_often(
    stranger: Client, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(7):
        assert login(stranger, "alice@example.com", "wrong password").status_code == 404

    def never(*args: object) -> None:
        raise AssertionError("a password was hashed for a refused request")

    monkeypatch.setattr("accounts.services.login._hash_as_others", never)
    monkeypatch.setattr(User, "check_password", never)
    response = login(stranger, "alice@example.com")
    assert response.status_code == 429
    assert response.json() == {
        "message": "Too many login attempts, please try again after 5 minutes."
    }
    assert response["X-RateLimit-Limit"] == "7"
    assert response["X-RateLimit-Remaining"] == "0"
    assert 290 <= int(response["Retry-After"]) <= 300
    assert int(response["X-RateLimit-Reset"]) > timezone.now().timestamp() + 290


def test_login_works_again_when_the_window_is_over(
    stranger: Client, alice: User, local_cache: None
) -> None:
    for _ in range(8):
        login(stranger, "alice@example.com", "wrong password")
    with time_machine.travel(timezone.now() + timedelta(seconds=301)):
        assert login(stranger, "alice@example.com").status_code == 200


def test_hash_is_upgraded_when_it_came_from_librechat(
    stranger: Client, alice: User, settings: Settings
) -> None:
    settings.PASSWORD_HASHERS = REAL_HASHERS
    alice.password = "bcrypt$" + bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    alice.save()
    assert login(stranger, "alice@example.com", "wrong password").status_code == 404
    assert login(stranger, "alice@example.com").status_code == 200
    alice.refresh_from_db()
    assert identify_hasher(alice.password).algorithm == "argon2"
    assert login(stranger, "alice@example.com").status_code == 200


def test_long_password_from_librechat_works_when_bcrypt_cut_it(
    stranger: Client, alice: User, settings: Settings
) -> None:
    settings.PASSWORD_HASHERS = REAL_HASHERS
    long = "ä" * 60
    alice.password = "bcrypt$" + bcrypt.hashpw(long.encode()[:72], bcrypt.gensalt(4)).decode()
    alice.save()
    assert login(stranger, "alice@example.com", long).status_code == 200
    assert login(stranger, "alice@example.com", long).status_code == 200


def test_login_costs_eight_queries(
    stranger: Client, alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    # ban of the address, user, ban of the person;
    # savepoint, last sign-in, ended sessions, new session, release
    with django_assert_num_queries(8):
        login(stranger, "alice@example.com")


def test_banned_person_does_not_sign_in_to_the_administration(
    stranger: Client, admin_user: User
) -> None:
    admin_user.set_password(PASSWORD)
    admin_user.save()
    ban = Ban.objects.create(user=admin_user, expires_at=timezone.now() + timedelta(hours=1))
    form = {"username": admin_user.email, "password": PASSWORD}
    assert stranger.post("/admin/login/", form).status_code == 200
    ban.delete()
    assert stranger.post("/admin/login/", form).status_code == 302
