"""Limits on signing in and registering, per address (contract 01 §4.12)."""

from django.conf import settings
from django.http import HttpRequest
from rest_framework.request import Request

from librechat_backend.lib import throttling


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
