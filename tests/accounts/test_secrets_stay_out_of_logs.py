import logging
from typing import Any

import pytest
from django.test import Client
from structlog.testing import capture_logs

from accounts.models import User
from tests.accounts.requests import login, post
from tests.factories import PASSWORD

ADDRESS = "alice@example.com"


def test_no_password_token_or_address_is_logged(
    stranger: Client, alice: User, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with capture_logs() as events:
        login(stranger, ADDRESS, "a wrong password")
        signed_in = login(stranger, ADDRESS)
        refreshed = post(stranger, "/api/auth/refresh")
        form = {"name": "Ada", "email": "ada@example.com", "password": "analytical engine"}
        post(stranger, "/api/auth/register", form | {"confirm_password": form["password"]})
        headers = {"Authorization": f"Bearer {refreshed.json()['token']}"}
        post(stranger, "/api/auth/logout", **headers)
    logged = f"{events} {caplog.text}"
    assert {event["event"] for event in events} >= {"signed_in", "registered"}
    secrets = [
        PASSWORD,
        "a wrong password",
        "analytical engine",
        ADDRESS,
        signed_in.json()["token"],
        signed_in.cookies["refreshToken"].value,
        refreshed.cookies["refreshToken"].value,
        alice.password,
    ]
    assert [secret for secret in secrets if secret in logged] == []


def test_no_refresh_token_is_stored(stranger: Client, alice: User) -> None:
    token: Any = login(stranger, ADDRESS).cookies["refreshToken"].value
    stored = str(list(alice.refresh_sessions.values()))
    assert token.partition(".")[2] not in stored
    assert token.partition(".")[0] in stored
