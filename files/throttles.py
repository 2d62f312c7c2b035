"""Limits on uploads (contract 04 §1.4)."""

from django.conf import settings

from accounts.models import User
from librechat_backend.lib import throttling

MESSAGE = "Too many file uploads. Try again later"
USAGE_MAX = 120
USAGE_WINDOW_SECONDS = 15 * 60


def check_upload(user: User, address: str) -> None:
    """Raises TooManyRequests."""
    seconds = settings.FILE_UPLOAD_IP_WINDOW * 60
    throttling.check("upload-ip", address, settings.FILE_UPLOAD_IP_MAX, seconds, MESSAGE)
    seconds = settings.FILE_UPLOAD_USER_WINDOW * 60
    throttling.check("upload-user", user.pk, settings.FILE_UPLOAD_USER_MAX, seconds, MESSAGE)


def check_usage(user: User) -> None:
    """Raises TooManyRequests."""
    throttling.check("file-usage", user.pk, USAGE_MAX, USAGE_WINDOW_SECONDS, MESSAGE)
