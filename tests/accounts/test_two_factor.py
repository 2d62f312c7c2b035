"""The second factor (contract 01 §4.8)."""

import base64
import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
import time_machine
from django.conf import settings as product
from django.db import connection
from django.test import Client
from pytest_django import Settings

from accounts import totp
from accounts.models import Authenticator, BackupCode, RefreshSession, User
from accounts.proof import Proof
from accounts.services import two_factor
from accounts.services.two_factor import use_proof
from tests.accounts.requests import login, post
from tests.conftest import ClientFor
from tests.factories import PASSWORD

RFC_SECRET = base64.b32encode(b"12345678901234567890").decode()
ENABLE, VERIFY, CONFIRM, DISABLE, REGENERATE, VERIFY_TEMP = (
    f"/api/auth/2fa/{name}"
    for name in ("enable", "verify", "confirm", "disable", "backup/regenerate", "verify-temp")
)


@pytest.fixture(autouse=True)
def many_attempts(settings: Settings) -> None:
    settings.TWO_FACTOR_TEMP_MAX = 50
    settings.LOGIN_MAX = 50


def code_of(secret: str, *, seconds_from_now: float = 0) -> str:
    return totp.code_at(secret, int(time.time() + seconds_from_now) // 30)


def secret_in(url: str) -> str:
    """As the client reads it."""
    return url.split("secret=")[1].split("&")[0]


def with_second_factor(user: User) -> tuple[str, list[str]]:
    """The secret of the app, and the backup codes."""
    setup = two_factor.begin_setup(user=user, proof=Proof())
    secret = secret_in(setup.url)
    two_factor.confirm_setup(user=user, proof=Proof(code=code_of(secret)))
    return secret, setup.backup_codes


def temporary_token(email: str = "alice@example.com") -> str:
    return str(login(Client(), email).json()["tempToken"])


def finish(temporary: object, **proof: object) -> Any:
    return post(Client(), VERIFY_TEMP, {"tempToken": temporary, **proof})


# -- Codes -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_codes_are_those_of_rfc_6238(seconds: int, code: str) -> None:
    assert totp.code_at(RFC_SECRET, seconds // 30) == code
    assert totp.matching_step(RFC_SECRET, code, seconds) == seconds // 30


def test_code_is_good_one_step_around_now() -> None:
    now = 1_234_567_890.0
    found = [
        totp.matching_step(RFC_SECRET, totp.code_at(RFC_SECRET, int(now) // 30 + offset), now)
        for offset in (-2, -1, 0, 1, 2)
    ]
    step = int(now) // 30
    assert found == [None, step - 1, step, step + 1, None]


@pytest.mark.parametrize("code", ["", "5924", "0005924", "é05924", "\ud800"])
def test_code_is_wrong_in_any_other_form(code: str) -> None:
    assert totp.matching_step(RFC_SECRET, code, 1_234_567_890) is None


# -- Setting up ------------------------------------------------------------------------------


def test_setup_as_the_client_does_it(alice: User, client_for: ClientFor) -> None:
    client = client_for(alice)
    answer = post(client, ENABLE)
    assert answer.status_code == 200
    url, codes = answer.json()["otpauthUrl"], answer.json()["backupCodes"]
    assert url.startswith("otpauth://totp/LibreChat:alice@example.com?secret=")
    assert parse_qs(urlsplit(url).query)["issuer"] == ["LibreChat"]
    assert len(codes) == 10
    assert all(re.fullmatch("[0-9a-f]{8}", code) for code in codes)
    assert login(Client(), alice.email).json().keys() == {"token", "user"}

    code = code_of(secret_in(url))
    for path in (VERIFY, CONFIRM):
        answer = post(client, path, {"token": code})
        assert (answer.status_code, answer.content) == (200, b"")
    alice.refresh_from_db()
    assert alice.two_factor_enabled
    assert client.get("/api/user").json()["twoFactorEnabled"] is True


def test_no_secret_is_stored_in_the_clear(alice: User) -> None:
    secret, codes = with_second_factor(alice)
    stored = str([*Authenticator.objects.values(), *BackupCode.objects.values()])
    assert secret not in stored
    assert not any(code in stored for code in codes)


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        (VERIFY, {"token": "000000"}, "2FA not initiated"),
        (CONFIRM, {"token": "000000"}, "2FA not initiated"),
        (DISABLE, None, "2FA is not set up for this user"),
    ],
)
def test_nothing_happens_before_the_setup(
    alice: User, client_for: ClientFor, path: str, body: Any, message: str
) -> None:
    answer = post(client_for(alice), path, body)
    assert (answer.status_code, answer.json()) == (400, {"message": message})


def test_setup_is_not_confirmed_by_a_wrong_code(alice: User, client_for: ClientFor) -> None:
    client = client_for(alice)
    backup_code = post(client, ENABLE).json()["backupCodes"][0]
    wrong = post(client, VERIFY, {"token": "0000000"})
    assert (wrong.status_code, wrong.json()) == (400, {"message": "Invalid token or backup code."})
    for body in ({"token": "0000000"}, {"backupCode": backup_code}, {}):
        wrong = post(client, CONFIRM, body)
        assert (wrong.status_code, wrong.json()) == (400, {"message": "Invalid token."})
    alice.refresh_from_db()
    assert not alice.two_factor_enabled


def test_new_setup_needs_the_old_factor_and_counts_when_confirmed(
    alice: User, client_for: ClientFor
) -> None:
    old, _ = with_second_factor(alice)
    client = client_for(alice)
    assert post(client, ENABLE).status_code == 400
    assert post(client, ENABLE, {"token": "0000000"}).status_code == 401
    url = post(client, ENABLE, {"token": code_of(old)}).json()["otpauthUrl"]
    assert use_proof(user=alice, proof=Proof(code=code_of(old)))
    new = secret_in(url)
    assert post(client, CONFIRM, {"token": code_of(new)}).status_code == 200
    assert not use_proof(user=alice, proof=Proof(code=code_of(old)))
    assert use_proof(user=alice, proof=Proof(code=code_of(new)))


def test_second_factor_is_switched_off_with_itself(alice: User, client_for: ClientFor) -> None:
    secret, _ = with_second_factor(alice)
    client = client_for(alice)
    missing, wrong = post(client, DISABLE), post(client, DISABLE, {"token": "0000000"})
    assert (missing.status_code, wrong.status_code) == (400, 401)
    assert wrong.json() == {"message": "Invalid token or backup code"}
    right = post(client, DISABLE, {"token": code_of(secret)})
    assert (right.status_code, right.content) == (200, b"")
    alice.refresh_from_db()
    assert not alice.two_factor_enabled
    assert not Authenticator.objects.exists()
    assert not BackupCode.objects.exists()


def test_backup_codes_are_replaced(alice: User, client_for: ClientFor) -> None:
    secret, old = with_second_factor(alice)
    client = client_for(alice)
    assert post(client, REGENERATE).status_code == 400
    answer = post(client, REGENERATE, {"token": code_of(secret)}).json()
    assert len(answer["backupCodes"]) == len(answer["backupCodesHash"]) == 10
    assert answer["backupCodesHash"][0].keys() == {"codeHash", "used", "usedAt"}
    assert not use_proof(user=alice, proof=Proof(backup_code=old[0]))
    assert use_proof(user=alice, proof=Proof(backup_code=answer["backupCodes"][0].upper()))
    assert post(client_for(alice), "/api/auth/2fa/disable", {"token": "x"}).status_code == 401


def test_backup_codes_are_not_found_without_a_second_factor(
    alice: User, client_for: ClientFor
) -> None:
    assert post(client_for(alice), REGENERATE, {"token": "000000"}).status_code == 404


@pytest.mark.parametrize("path", [ENABLE, VERIFY, CONFIRM, DISABLE, REGENERATE])
def test_stranger_gets_401(stranger: Client, path: str) -> None:
    answer = post(stranger, path, {"token": "000000"})
    assert (answer.status_code, answer.json()) == (401, {"message": "No auth token"})


def test_factor_of_another_is_no_proof(alice: User, bob: User, client_for: ClientFor) -> None:
    secret, codes = with_second_factor(alice)
    with_second_factor(bob)
    for proof in ({"token": code_of(secret)}, {"backupCode": codes[0]}):
        assert post(client_for(bob), DISABLE, proof).status_code == 401
        assert finish(temporary_token("bob@example.com"), **proof).status_code == 401


# -- Signing in ------------------------------------------------------------------------------


def test_password_alone_gives_a_temporary_token(alice: User) -> None:
    with_second_factor(alice)
    answer = login(Client(), alice.email)
    assert answer.status_code == 200
    assert answer.json().keys() == {"twoFAPending", "tempToken"}
    assert answer.json()["twoFAPending"] is True
    assert not answer.cookies
    assert not RefreshSession.objects.exists()
    token = answer.json()["tempToken"]
    claims = jwt.decode(token, product.JWT_SECRET, algorithms=["HS256"])
    assert (claims["userId"], claims["twoFAPending"]) == (alice.pk, True)
    assert claims["exp"] - claims["iat"] == 300
    used = Client().get("/api/user", headers={"authorization": f"Bearer {token}"})
    assert used.status_code == 401
    assert login(Client(), alice.email, "wrong password").status_code == 404


def test_code_of_the_app_completes_the_sign_in_once(alice: User) -> None:
    secret, _ = with_second_factor(alice)
    code = code_of(secret)
    answer = finish(temporary_token(), token=code)
    assert answer.status_code == 200
    assert answer.json().keys() == {"token", "user"}
    assert set(answer.cookies) == {"refreshToken", "token_provider"}
    again = finish(temporary_token(), token=code)
    assert (again.status_code, again.json()) == (
        401,
        {"message": "Invalid 2FA code or backup code"},
    )
    assert not again.cookies
    with time_machine.travel(time.time() + 60):
        assert finish(temporary_token(), token=code_of(secret)).status_code == 200


def test_backup_code_completes_the_sign_in_once(alice: User) -> None:
    _, codes = with_second_factor(alice)
    assert finish(temporary_token(), backupCode=codes[3]).status_code == 200
    assert finish(temporary_token(), backupCode=codes[3]).status_code == 401
    assert finish(temporary_token(), backupCode=codes[4]).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_code_lets_in_one_of_many_who_use_it_at_once(alice: User) -> None:
    secret, codes = with_second_factor(alice)

    def attempt(proof: Proof) -> bool:
        try:
            return use_proof(user=alice, proof=proof)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        for proof in (Proof(code=code_of(secret)), Proof(backup_code=codes[0])):
            assert sum(pool.map(attempt, [proof] * 8)) == 1


def test_temporary_token_is_refused_when_it_is_not_one(alice: User) -> None:
    secret, _ = with_second_factor(alice)
    missing = finish("", token=code_of(secret))
    assert (missing.status_code, missing.json()) == (400, {"message": "Missing temporary token"})
    token = temporary_token()
    access = str(login(Client(), "alice@example.com").json().get("token"))
    refused = {"message": "Invalid or expired temporary token"}
    for wrong in ("x", token[:-3] + "abc", access):
        answer = finish(wrong, token=code_of(secret))
        assert (answer.status_code, answer.json()) == (401, refused)
    with time_machine.travel(time.time() + 301):
        assert finish(token, token=code_of(secret)).json() == refused
    User.objects.update(is_active=False)
    assert finish(token, token=code_of(secret)).json() == refused


def test_access_token_is_no_temporary_token(alice: User, token_for: Any) -> None:
    secret, _ = with_second_factor(alice)
    assert finish(token_for(alice), token=code_of(secret)).status_code == 401


def test_sign_in_is_400_when_the_factor_was_removed_meanwhile(alice: User) -> None:
    secret, _ = with_second_factor(alice)
    token = temporary_token()
    two_factor.remove_second_factor(user=alice)
    assert finish(token, token=code_of(secret)).status_code == 400


def test_guesses_are_limited_per_person_wherever_they_come_from(
    alice: User, settings: Settings
) -> None:
    settings.TWO_FACTOR_TEMP_MAX = 3
    secret, _ = with_second_factor(alice)
    token = temporary_token()
    codes = []
    for number in range(5):
        body = {"tempToken": token, "token": "0000000"}
        headers = {"X-Forwarded-For": f"203.0.113.{number}"}
        codes.append(post(Client(), VERIFY_TEMP, body, **headers).status_code)
    assert codes == [401, 401, 401, 429, 429]
    refused = finish(token, token=code_of(secret))
    assert (refused.status_code, refused.json()) == (
        429,
        {"message": "Too many verification attempts, please try again after 5 minutes."},
    )


# -- In the admin ----------------------------------------------------------------------------


def admin_login(**form: str) -> bytes:
    fields = {"username": "admin@example.com", "password": PASSWORD, "next": "/admin/"}
    return Client().post("/admin/login/", fields | form, follow=True).content


def test_admin_asks_for_the_same_second_factor(admin_user: User) -> None:
    secret, codes = with_second_factor(admin_user)
    inside, asks = b"answers being written", b"Enter a new code of your authenticator app."
    for wrong in ({}, {"code": "0000000"}, {"code": codes[0], "password": "wrong"}):
        page = admin_login(**wrong)
        assert inside not in page
    assert asks in admin_login()
    code = code_of(secret)
    assert inside in admin_login(code=code)
    assert asks in admin_login(code=code)
    assert inside in admin_login(code=codes[0])
    assert asks in admin_login(code=codes[0])


def test_administrator_removes_a_lost_second_factor(alice: User, admin_user: User) -> None:
    with_second_factor(alice)
    client = Client()
    client.force_login(admin_user)
    action = {"action": "remove_second_factor", "_selected_action": [alice.pk]}
    assert client.post("/admin/accounts/user/", action).status_code == 302
    assert login(Client(), alice.email).json().keys() == {"token", "user"}
