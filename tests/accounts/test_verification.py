"""A new account waits until its address is verified (contract 01 §4.7)."""

from datetime import timedelta

import time_machine
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from accounts.services import verification
from accounts.services.registration import remove_expired_accounts
from tests.accounts.mailed_links import link_in, query_of, verify
from tests.accounts.requests import FORM, SUCCESS, login, post, register

INVALID = {"message": "Invalid or expired email verification token"}
VERIFIED = {"message": "Email verification was successful", "status": "success"}


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
    assert verify(stranger, "alice%40example.com%00", "0" * 64).status_code == 400
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
