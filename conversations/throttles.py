"""Limits on copying chats (contract 03 §3)."""

from django.conf import settings
from rest_framework.request import Request

from librechat_backend.lib import throttling

MESSAGE = "Too many requests. Try again later"


def check_copy(request: Request) -> None:
    """Count a fork or a duplicate of the caller. Raises TooManyRequests."""
    address = throttling.client_ip(request)
    seconds = settings.FORK_IP_WINDOW * 60
    throttling.check("fork-ip", address, settings.FORK_IP_MAX, seconds, MESSAGE)
    seconds = settings.FORK_USER_WINDOW * 60
    throttling.check("fork-user", str(request.user.pk), settings.FORK_USER_MAX, seconds, MESSAGE)
