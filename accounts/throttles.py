"""Limits on signing in, registering and mailed links (contract 01 §4.12)."""

from django.conf import settings
from django.http import HttpRequest
from rest_framework.request import Request

from accounts.models import User, Violation
from accounts.services.bans import record_violation
from librechat_backend.lib import crypto, throttling
from librechat_backend.lib.errors import TooManyRequests


def check_login(request: HttpRequest | Request) -> None:
    """Raises TooManyRequests."""
    minutes = settings.LOGIN_WINDOW_MINUTES
    throttling.check(
        "login",
        throttling.client_ip(request),
        settings.LOGIN_MAX,
        minutes * 60,
        f"Too many login attempts, please try again after {minutes} minutes.",
    )


def check_registration(request: HttpRequest | Request) -> None:
    """Raises TooManyRequests."""
    minutes = settings.REGISTER_WINDOW_MINUTES
    throttling.check(
        "register",
        throttling.client_ip(request),
        settings.REGISTER_MAX,
        minutes * 60,
        f"Too many accounts created, please try again after {minutes} minutes",
    )


def check_reset_request(request: HttpRequest | Request, email: str) -> None:
    """Per address of the network and per account, so that nobody floods another's mailbox."""
    _check_mail("reset", request, settings.RESET_PASSWORD_MAX, settings.RESET_PASSWORD_WINDOW)
    _check_mailbox("reset", email, settings.RESET_PASSWORD_MAX, settings.RESET_PASSWORD_WINDOW)


def check_reset_submission(request: HttpRequest | Request) -> None:
    """Raises TooManyRequests."""
    _check_mail(
        "reset-submission",
        request,
        settings.RESET_PASSWORD_SUBMISSION_MAX,
        settings.RESET_PASSWORD_SUBMISSION_WINDOW,
    )


def check_verification_request(request: HttpRequest | Request, email: str) -> None:
    """As check_reset_request."""
    _check_mail("verify", request, settings.VERIFY_EMAIL_MAX, settings.VERIFY_EMAIL_WINDOW)
    _check_mailbox("verify", email, settings.VERIFY_EMAIL_MAX, settings.VERIFY_EMAIL_WINDOW)


def check_verification(request: HttpRequest | Request) -> None:
    """Raises TooManyRequests."""
    _check_mail(
        "verify-submission",
        request,
        settings.VERIFY_EMAIL_SUBMISSION_MAX,
        settings.VERIFY_EMAIL_SUBMISSION_WINDOW,
    )


def check_two_factor(request: HttpRequest | Request) -> None:
    """Raises TooManyRequests."""
    _check_codes("two-factor", throttling.client_ip(request))


def check_two_factor_of(user_id: str) -> None:
    """Codes are short: guesses count per person too, wherever they come from."""
    _check_codes("two-factor-user", user_id)


def check_second_step(request: HttpRequest | Request, user: User) -> None:
    """As check_two_factor_of; whoever goes beyond it knows the password, so it counts."""
    try:
        check_two_factor_of(user.pk)
    except TooManyRequests:
        record_violation(
            user=user,
            kind=Violation.Kind.SECOND_FACTOR,
            score=settings.LOGIN_VIOLATION_SCORE,
            ip_address=throttling.client_ip(request),
        )
        raise


def _check_codes(scope: str, identity: str) -> None:
    minutes = settings.TWO_FACTOR_TEMP_WINDOW
    message = f"Too many verification attempts, please try again after {minutes} minutes."
    throttling.check(scope, identity, settings.TWO_FACTOR_TEMP_MAX, minutes * 60, message)


def _check_mail(scope: str, request: HttpRequest | Request, limit: int, minutes: int) -> None:
    _check(scope, throttling.client_ip(request), limit, minutes)


def _check_mailbox(scope: str, email: str, limit: int, minutes: int) -> None:
    # Some cache back ends refuse keys with other characters than a hash has.
    _check(f"{scope}-mailbox", crypto.token_hash(email), limit, minutes)


def _check(scope: str, identity: str, limit: int, minutes: int) -> None:
    message = f"Too many attempts, please try again after {minutes} minute(s)"
    throttling.check(scope, identity, limit, minutes * 60, message)
