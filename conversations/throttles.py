"""Limits on copying chats (contract 03 §3), importing them (§4.2) and using prompts (§13.9)."""

from django.conf import settings
from rest_framework.request import Request

from accounts.models import User
from librechat_backend.lib import throttling

MESSAGE = "Too many requests. Try again later"
PROMPT_MESSAGE = "Too many prompt usage requests. Try again later"
PROMPT_USES_PER_MINUTE = 30
SPEECH_IP_PER_MINUTE, SPEECH_USER_PER_MINUTE = 100, 50
EXPORTS_MAX, EXPORT_WINDOW_SECONDS = 10, 15 * 60
IMPORT_MESSAGE = "Too many conversation import requests. Try again later"


def check_copy(request: Request, kind: str = "fork") -> None:
    """Count a copy the caller makes, with others of its ``kind``. Raises TooManyRequests."""
    address = throttling.client_ip(request)
    seconds = settings.FORK_IP_WINDOW * 60
    throttling.check(f"{kind}-ip", address, settings.FORK_IP_MAX, seconds, MESSAGE)
    seconds = settings.FORK_USER_WINDOW * 60
    throttling.check(f"{kind}-user", str(request.user.pk), settings.FORK_USER_MAX, seconds, MESSAGE)


def check_prompt_use(request: Request) -> None:
    """Raises TooManyRequests."""
    person = str(request.user.pk)
    throttling.check("prompt-use", person, PROMPT_USES_PER_MINUTE, 60, PROMPT_MESSAGE)


def check_import(user: User, address: str) -> None:
    """Count an import. Raises TooManyRequests."""
    seconds = settings.IMPORT_IP_WINDOW * 60
    throttling.check("import-ip", address, settings.IMPORT_IP_MAX, seconds, IMPORT_MESSAGE)
    seconds = settings.IMPORT_USER_WINDOW * 60
    throttling.check("import-user", user.pk, settings.IMPORT_USER_MAX, seconds, IMPORT_MESSAGE)


def check_export(user: User) -> None:
    """Count an export of everything. Raises TooManyRequests."""
    throttling.check("export", user.pk, EXPORTS_MAX, EXPORT_WINDOW_SECONDS, MESSAGE)


def check_speech(user: User, address: str) -> None:
    """Count a recording or a text to be read aloud (contract 04 §3). Raises TooManyRequests."""
    throttling.check("speech-ip", address, SPEECH_IP_PER_MINUTE, 60, MESSAGE)
    throttling.check("speech-user", user.pk, SPEECH_USER_PER_MINUTE, 60, MESSAGE)
