"""All links people ask for: how often, and that they tell nobody who has an account."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.template import Template
from django.test import Client
from django.test.signals import template_rendered
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings
from structlog.testing import capture_logs

from accounts.models import OneTimeToken, User
from accounts.services import passwords
from accounts.services.one_time_tokens import issue_token
from librechat_backend.lib.task_worker import Worker
from tests.accounts.mailed_links import LINK_SENT, NEW_PASSWORD, ask_for_reset, set_password, verify
from tests.accounts.requests import SUCCESS, post, register
from tests.conftest import ClientFor


@pytest.mark.parametrize(
    ("path", "limit"),
    [
        ("/api/user/verify", 2),
        ("/api/user/verify/resend", 2),
        ("/api/auth/requestPasswordReset", 2),
        ("/api/auth/resetPassword", 2),
    ],
)
def test_attempts_are_limited(stranger: Client, db: None, path: str, limit: int) -> None:
    for _ in range(limit):
        assert post(stranger, path, {"email": "a@example.com"}).status_code != 429
    refused = post(stranger, path, {"email": "b@example.com"})
    assert (refused.status_code, refused.json()) == (
        429,
        {"message": "Too many attempts, please try again after 2 minute(s)"},
    )
    assert int(refused["Retry-After"]) <= 120


@pytest.mark.parametrize("path", ["/api/user/verify/resend", "/api/auth/requestPasswordReset"])
def test_mailbox_is_not_flooded_from_many_addresses(
    stranger: Client, alice: User, with_mail: None, resets_allowed: None, path: str
) -> None:
    codes = [
        post(
            stranger, path, {"email": "alice@example.com"},
            **{"X-Forwarded-For": f"203.0.113.{number}"},
        ).status_code
        for number in range(4)
    ]  # fmt: skip
    assert codes == [200, 200, 429, 429]
    assert len(mail.outbox) == 2


def test_client_is_told_what_is_on(
    stranger: Client, alice: User, client_for: ClientFor, settings: Settings, with_mail: None
) -> None:
    settings.ALLOW_PASSWORD_RESET = True
    for client in (stranger, client_for(alice)):
        config = client.get("/api/config").json()
        assert (config["passwordResetEnabled"], config["emailEnabled"]) == (True, True)


def test_answer_is_the_same_for_addresses_without_an_account(
    stranger: Client, alice: User, bob: User, with_mail: None, resets_allowed: None
) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)
    User.objects.filter(pk=bob.pk).update(provider="openid")
    for number, email in enumerate(["alice@example.com", "bob@example.com", "x@example.com", 7]):
        response = post(
            stranger, "/api/auth/requestPasswordReset", {"email": email},
            **{"X-Forwarded-For": f"203.0.113.{number}"},
        )  # fmt: skip
        assert (response.status_code, response.json()) == (200, LINK_SENT)
    assert mail.outbox == []


@pytest.mark.parametrize("path", ["/api/auth/requestPasswordReset", "/api/user/verify/resend"])
def test_asking_for_a_link_does_the_same_for_everybody(
    stranger: Client,
    alice: User,
    with_mail: None,
    resets_allowed: None,
    settings: Settings,
    path: str,
) -> None:
    """Neither the answer nor the requests after it, which its task delays, tell of an account."""
    settings.TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
    worker, statements, rendered = Worker(), [], []
    worker.run_until_idle()  # the first look is for more than tasks
    for number, email in enumerate(["alice@example.com", "nobody@example.com"]):
        address = {"X-Forwarded-For": f"203.0.113.{number}"}
        with CaptureQueriesContext(connection) as captured, count_templates() as templates:
            assert post(stranger, path, {"email": email}, **address).status_code == 200
            assert worker.run_until_idle() == 1
        statements.append([re.sub(r"'[^']*'|NULL|\d+", "?", q["sql"]) for q in captured])
        rendered.append(templates)
    assert statements[0] == statements[1]
    assert rendered[0] == rendered[1] != []
    assert [message.to for message in mail.outbox] == [["alice@example.com"]]


@pytest.mark.parametrize("path", ["/api/user/verify", "/api/auth/resetPassword"])
def test_wrong_token_costs_the_same_for_everybody(
    stranger: Client, alice: User, resets_allowed: None, path: str
) -> None:
    statements = []
    for email, user_id in ((alice.email, alice.pk), ("nobody@example.com", "0" * 24)):
        wrong = {"email": email, "userId": user_id, "token": "0" * 64}
        passwords_twice = {"password": NEW_PASSWORD, "confirm_password": NEW_PASSWORD}
        with CaptureQueriesContext(connection) as captured:
            assert post(stranger, path, wrong | passwords_twice).status_code == 400
        statements.append([re.sub(r"'[^']*'|\d+", "?", q["sql"]) for q in captured])
    assert statements[0] == statements[1]
    assert "accounts_onetimetoken" in str(statements[0])


@contextmanager
def count_templates() -> Iterator[list[str]]:
    """The names of those that are rendered meanwhile, in order."""
    names: list[str] = []

    def note(template: Template, **_: Any) -> None:
        names.append(str(template.name))

    template_rendered.connect(note)
    try:
        yield names
    finally:
        template_rendered.disconnect(note)


@pytest.mark.parametrize("has_mail", [False, True])
def test_link_of_nobody_is_told_to_nobody_and_opens_nothing(
    stranger: Client, resets_allowed: None, db: None, settings: Settings, has_mail: bool
) -> None:
    settings.EMAIL_ENABLED = has_mail
    with capture_logs() as events:
        assert ask_for_reset(stranger, "nobody@example.com").json() == LINK_SENT
    (event,) = [each for each in events if "mail" in each]
    assert event["event"] == ("mail_to_nobody" if has_mail else "no_mail_server")
    assert (event["user"], event.get("link", "")) == ("", "")
    assert [token.user for token in OneTimeToken.objects.all()] == [None]
    assert set_password(stranger, passwords.mail_reset_link(user=None)).status_code == 400
    token = issue_token(user=None, purpose=OneTimeToken.Purpose.VERIFY_EMAIL)
    assert verify(stranger, "", token).status_code == 400


def test_registering_writes_alike_for_new_and_taken_addresses(
    stranger: Client, alice: User, with_mail: None, settings: Settings
) -> None:
    settings.TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
    for email in ("alice@example.com", "ada@example.com"):
        assert register(stranger, email=email).json() == SUCCESS
    assert Worker().run_until_idle() == 2
    assert [message.to for message in mail.outbox] == [["ada@example.com"]]
