"""Verification, forgotten passwords and invitations (contract 01 §4.5–4.7)."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.core import mail
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import F
from django.template import Template
from django.test import Client
from django.test.signals import template_rendered
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings
from structlog.testing import capture_logs

from accounts.models import Invitation, OneTimeToken, RefreshSession, User
from accounts.services import invitations, passwords, verification
from accounts.services.one_time_tokens import issue_token
from accounts.services.registration import remove_expired_accounts
from librechat_backend.lib.task_worker import Worker
from tests.accounts.requests import login, post
from tests.accounts.test_registration import FORM, SUCCESS, register
from tests.conftest import ClientFor
from tests.factories import PASSWORD, UserFactory

NEW_PASSWORD = "a new and better one"
LINK_SENT = {
    "message": "If an account with that email exists, a password reset link has been sent to it."
}
INVALID = {"message": "Invalid or expired email verification token"}
VERIFIED = {"message": "Email verification was successful", "status": "success"}


@pytest.fixture
def resets_allowed(settings: Settings) -> None:
    settings.ALLOW_PASSWORD_RESET = True


def query_of(link: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(link).query).items()}


def link_in(message: EmailMessage) -> str:
    found = re.search(r"http\S+", str(message.body))
    assert found, message.body
    return found[0]


def ask_for_reset(client: Client, email: object = "alice@example.com") -> Any:
    return post(client, "/api/auth/requestPasswordReset", {"email": email})


def set_password(client: Client, link: str, password: str = NEW_PASSWORD, **changes: Any) -> Any:
    body = query_of(link) | {"password": password, "confirm_password": password}
    return post(client, "/api/auth/resetPassword", body | changes)


def verify(client: Client, email: str, token: str) -> Any:
    return post(client, "/api/user/verify", {"email": email, "token": token})


# -- Verification ----------------------------------------------------------------------------


def test_account_waits_for_verification_when_mail_is_sent(
    stranger: Client, alice: User, with_mail: None
) -> None:
    assert register(stranger).json() == SUCCESS
    refused = login(stranger, "ada@example.com", FORM["password"])
    assert (refused.status_code, refused.json()) == (422, {"message": "Email not verified."})
    (message,) = mail.outbox
    assert (message.subject, message.to) == ("Verify your email", ["ada@example.com"])
    link = link_in(message)
    assert link.startswith("http://localhost:8000/verify?token=")
    assert "email=ada%40example.com" in link
    query = query_of(link)
    response = verify(stranger, "ada%40example.com", query["token"])
    assert (response.status_code, response.json()) == (200, VERIFIED)
    assert login(stranger, "ada@example.com", FORM["password"]).status_code == 200
    again = verify(stranger, "ada@example.com", query["token"])
    assert (again.status_code, again.json()) == (400, INVALID)


def test_wrong_password_is_told_before_the_missing_verification(
    stranger: Client, alice: User, with_mail: None
) -> None:
    assert login(stranger, "alice@example.com", "wrong password").status_code == 404


def test_unverified_person_signs_in_when_the_setting_allows_it(
    stranger: Client, alice: User, with_mail: None, settings: Settings
) -> None:
    settings.ALLOW_UNVERIFIED_EMAIL_LOGIN = True
    register(stranger)
    assert login(stranger, "ada@example.com", FORM["password"]).status_code == 200
    assert User.objects.get(email="ada@example.com").expires_at is None


def test_first_account_needs_no_verification(stranger: Client, db: None, with_mail: None) -> None:
    register(stranger)
    assert login(stranger, "ada@example.com", FORM["password"]).status_code == 200
    assert mail.outbox == []


def test_mail_has_text_and_html_and_escapes_the_name(
    stranger: Client, alice: User, with_mail: None
) -> None:
    register(stranger, name="Ada <b>& Co</b>")
    (message,) = mail.outbox
    assert "Hello Ada <b>& Co</b>," in str(message.body)
    assert isinstance(message, EmailMultiAlternatives)
    ((html, kind),) = message.alternatives
    assert kind == "text/html"
    assert isinstance(html, str)
    assert "Hello Ada &lt;b&gt;&amp; Co&lt;/b&gt;," in html
    assert link_in(message).replace("&", "&amp;") in html


def test_verification_is_mailed_again_for_unverified_accounts_alone(
    stranger: Client, alice: User, bob: User, with_mail: None
) -> None:
    User.objects.filter(pk=bob.pk).update(email_verified=True)
    addresses = ["alice@example.com", "bob@example.com", "nobody@example.com", ["x"], "\0"]
    for number, email in enumerate(addresses):
        response = post(
            stranger, "/api/user/verify/resend", {"email": email},
            **{"X-Forwarded-For": f"203.0.113.{number}"},
        )  # fmt: skip
        assert (response.status_code, response.json()) == (200, SUCCESS)
    assert [message.to for message in mail.outbox] == [["alice@example.com"]]


def test_verification_token_is_refused_when_late_or_of_another(
    stranger: Client, alice: User, bob: User, with_mail: None, settings: Settings
) -> None:
    settings.VERIFY_EMAIL_SUBMISSION_MAX = 9
    verification.mail_verification_link(user=alice)
    token = query_of(link_in(mail.outbox[0]))["token"]
    assert verify(stranger, "bob@example.com", token).status_code == 400
    assert verify(stranger, "alice@example.com", "0" * 64).status_code == 400
    with time_machine.travel(timezone.now() + timedelta(minutes=15, seconds=1)):
        assert verify(stranger, "alice@example.com", token).status_code == 400
    User.objects.filter(pk=alice.pk).update(email="alicia@example.com")
    assert verify(stranger, "alicia@example.com", token).status_code == 400
    assert not User.objects.filter(email_verified=True).exists()


def test_unverified_account_goes_after_a_week(
    stranger: Client, alice: User, with_mail: None
) -> None:
    register(stranger)
    with time_machine.travel(timezone.now() + timedelta(days=6)):
        remove_expired_accounts()
        assert User.objects.count() == 2
    with time_machine.travel(timezone.now() + timedelta(days=7, seconds=1)):
        remove_expired_accounts()
    assert [user.email for user in User.objects.all()] == ["alice@example.com"]


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


# -- Forgotten passwords ---------------------------------------------------------------------


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


# -- Who may register ------------------------------------------------------------------------


def test_address_is_refused_when_its_domain_is_not_allowed(
    stranger: Client, alice: User, settings: Settings
) -> None:
    settings.ALLOWED_REGISTRATION_DOMAINS = ["school.example"]
    refused = register(stranger)
    assert (refused.status_code, refused.json()) == (
        403,
        {
            "message": "The email address provided cannot be used. "
            "Please use a different email address."
        },
    )
    assert register(stranger, email="ada@evil-school.example").status_code == 403
    assert register(stranger, email="Ada@School.Example").status_code == 200


def test_account_waits_for_approval(
    stranger: Client, alice: User, admin_user: User, settings: Settings, with_mail: None
) -> None:
    settings.REGISTRATION_REQUIRES_APPROVAL = True
    register(stranger)
    ada = User.objects.get(email="ada@example.com")
    User.objects.filter(pk=ada.pk).update(email_verified=True)
    refused = login(stranger, "ada@example.com", FORM["password"])
    assert (refused.status_code, refused.json()) == (
        404,
        {"message": "An administrator has to approve your account first."},
    )
    mail.outbox.clear()
    admin = Client()
    admin.force_login(admin_user)
    assert "awaits approval" in admin.get("/admin/accounts/user/").content.decode()
    action = {"action": "approve", "_selected_action": [ada.pk, alice.pk]}
    assert admin.post("/admin/accounts/user/", action).status_code == 302
    assert [message.subject for message in mail.outbox] == ["Your account at LibreChat is ready"]
    assert login(stranger, "ada@example.com", FORM["password"]).status_code == 200


def test_deactivated_account_is_not_approved(alice: User, admin_user: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)
    admin = Client()
    admin.force_login(admin_user)
    admin.post("/admin/accounts/user/", {"action": "approve", "_selected_action": [alice.pk]})
    alice.refresh_from_db()
    assert not alice.is_active


def test_invited_person_registers_although_registration_is_closed(
    stranger: Client, alice: User, settings: Settings, with_mail: None
) -> None:
    settings.ALLOW_REGISTRATION = False
    settings.REGISTRATION_REQUIRES_APPROVAL = True
    invitations.invite(email="Ada@Example.com")
    (message,) = mail.outbox
    assert (message.subject, message.to) == ("Invite to join LibreChat!", ["ada@example.com"])
    token = query_of(link_in(message))["token"]
    assert token not in str(list(Invitation.objects.values()))
    assert register(stranger, token=token, name="x").status_code == 404
    assert register(stranger, token=token).status_code == 200
    ada = User.objects.get(email="ada@example.com")
    assert (ada.email_verified, ada.is_active, ada.role) == (True, True, "USER")
    again = register(stranger, token=token, email="eve@example.com")
    assert (again.status_code, again.json()) == (400, {"message": "Invalid invite token"})


@pytest.mark.parametrize("case", ["other address", "late", "wrong"])
def test_invitation_is_refused(
    stranger: Client, alice: User, settings: Settings, case: str
) -> None:
    token = query_of(invitations.invite(email="ada@example.com"))["token"]
    if case == "late":
        Invitation.objects.update(expires_at=F("created_at"))
    response = register(
        stranger,
        token="0" * 64 if case == "wrong" else token,
        email="eve@example.com" if case == "other address" else "ada@example.com",
    )
    assert (response.status_code, response.json()) == (400, {"message": "Invalid invite token"})
    assert User.objects.count() == 1


def test_invitation_does_not_widen_the_domains(
    stranger: Client, alice: User, settings: Settings
) -> None:
    settings.ALLOWED_REGISTRATION_DOMAINS = ["school.example"]
    token = query_of(invitations.invite(email="ada@example.com"))["token"]
    assert register(stranger, token=token).status_code == 403


def test_command_invites_and_prints_the_link(
    alice: User, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("invite_user", "ada@example.com")
    out = capsys.readouterr().out
    assert out.startswith(
        "No mail server is set; pass on this link: http://localhost:8000/register"
    )
    with pytest.raises(CommandError, match="already a user"):
        call_command("invite_user", "ALICE@example.com")
    with pytest.raises(CommandError, match="EMAIL: Invalid email"):
        call_command("invite_user", "ada")


# -- In the admin ----------------------------------------------------------------------------


def admin_client(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_administrator_invites(stranger: Client, admin_user: User, settings: Settings) -> None:
    settings.ALLOW_REGISTRATION = False
    client = admin_client(admin_user)
    for _ in range(2):
        page = client.post(
            "/admin/accounts/invitation/add/", {"addresses": "Ada@example.com"}, follow=True
        ).content.decode()
    assert [each.invited_by for each in Invitation.objects.all()] == [admin_user]
    found = re.findall(r"register\?token=([0-9a-f]{64})", page)
    assert register(stranger, token=found[-1]).status_code == 200
    taken = client.post("/admin/accounts/invitation/add/", {"addresses": "admin@example.com"})
    assert "There is already a user with the address admin@example.com." in taken.content.decode()


def test_administrator_makes_a_link_to_set_a_password(
    stranger: Client, alice: User, admin_user: User, resets_allowed: None
) -> None:
    page = admin_client(admin_user).post(
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
    admin_client(helper).post(
        "/admin/accounts/user/",
        {"action": "send_password_link", "_selected_action": [alice.pk, admin_user.pk]},
    )
    assert [token.user for token in OneTimeToken.objects.all()] == [alice]


def test_client_is_told_what_is_on(
    stranger: Client, alice: User, client_for: ClientFor, settings: Settings, with_mail: None
) -> None:
    settings.ALLOW_PASSWORD_RESET = True
    for client in (stranger, client_for(alice)):
        config = client.get("/api/config").json()
        assert (config["passwordResetEnabled"], config["emailEnabled"]) == (True, True)


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
