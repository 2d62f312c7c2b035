"""System checks: what is wrong with an installation, told before it serves anybody.

Values that do not parse never get this far: settings.py refuses them. Here is what only shows when
several settings, or the disk, are looked at together.
"""

import ipaddress
import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

# HS256 wants a key as long as its digest (RFC 7518 §3.2).
SECRET_MIN_LENGTH = 32
SECRETS = ("SECRET_KEY", "JWT_SECRET", "JWT_REFRESH_SECRET")


@register
def check_workers(**options: Any) -> list[CheckMessage]:
    if settings.WORKERS == 1 or settings.REDIS_URL:
        return []
    return [
        Error(
            f"WORKERS is {settings.WORKERS}, but there is no REDIS_URL: the processes could not "
            "see each other's chats.",
            hint="Set REDIS_URL, or WORKERS=1.",
            id="librechat_backend.E001",
        )
    ]


@register
def check_secrets(**options: Any) -> list[CheckMessage]:
    return [
        Error(
            f"{name} is shorter than {SECRET_MIN_LENGTH} characters and could be guessed.",
            hint="Unset it, or take the output of: openssl rand -hex 32",
            id="librechat_backend.E002",
        )
        for name in SECRETS
        if len(getattr(settings, name)) < SECRET_MIN_LENGTH
    ]


@register
def check_token_secrets_differ(**options: Any) -> list[CheckMessage]:
    if settings.JWT_SECRET != settings.JWT_REFRESH_SECRET:
        return []
    return [
        Error(
            "JWT_SECRET and JWT_REFRESH_SECRET are the same.",
            hint="Give them different values.",
            id="librechat_backend.E003",
        )
    ]


@register
def check_client_directory(**options: Any) -> list[CheckMessage]:
    directory = settings.LIBRECHAT_CLIENT_DIR
    if not directory or (Path(directory) / "index.html").is_file():
        return []
    return [
        Error(
            f"LIBRECHAT_CLIENT_DIR: there is no index.html in {directory}.",
            hint="Name the directory of the built client (client/dist), or unset it.",
            id="librechat_backend.E004",
        )
    ]


@register
def check_data_directory(**options: Any) -> list[CheckMessage]:
    if os.access(settings.DATA_DIR, os.W_OK | os.X_OK):
        return []
    return [
        Error(
            f"DATA_DIR: {settings.DATA_DIR} cannot be written to.",
            hint="Give the user of the server the right to write there.",
            id="librechat_backend.E005",
        )
    ]


@register
def check_mail(**options: Any) -> list[CheckMessage]:
    if not settings.EMAIL_ENABLED or settings.EMAIL_FROM:
        return []
    return [
        Error(
            "EMAIL_HOST is set, but there is no EMAIL_FROM: mails need a sender.",
            hint="Set EMAIL_FROM to an address the mail server sends for.",
            id="librechat_backend.E006",
        )
    ]


@register
def check_debug(**options: Any) -> list[CheckMessage]:
    if not settings.DEBUG or _is_loopback(settings.HOST):
        return []
    return [
        Warning(
            f"DEBUG is on while HOST is {settings.HOST}: strangers would see code and settings.",
            hint="Unset DEBUG, or set HOST=127.0.0.1.",
            id="librechat_backend.W001",
        )
    ]


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
