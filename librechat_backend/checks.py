"""System checks: what is wrong with an installation, told before it serves anybody.

Values that do not parse never get this far: the settings refuse them. Here is what only shows when
several settings, or the disk, are looked at together.
"""

import ipaddress
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.core.exceptions import ImproperlyConfigured

from accounts.identity import configuration as identity
from accounts.identity import rules as identity_rules
from accounts.shareable import shareables

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
def check_memory_model(**options: Any) -> list[CheckMessage]:
    if bool(settings.MEMORY_ENDPOINT) == bool(settings.MEMORY_MODEL):
        return []
    return [
        Error(
            "MEMORY_ENDPOINT and MEMORY_MODEL name a model together; one of them is missing.",
            hint="Set both, or neither: then no model listens for what to remember.",
            id="librechat_backend.E009",
        )
    ]


@register
def check_shareable(**options: Any) -> list[CheckMessage]:
    try:
        shareables()
    except (ImportError, ValueError) as error:
        return [Error(f"SHAREABLE: {error}", id="librechat_backend.E007")]
    return []


@register
def check_identity_providers(**options: Any) -> list[CheckMessage]:
    try:
        identity.read_everything()
        identity_rules.environment_rules()
    except ImproperlyConfigured as error:
        return [
            Error(str(error), hint="docs/sign-in.md has each setting.", id="librechat_backend.E008")
        ]
    return []


@register
def check_openid_issuer(**options: Any) -> list[CheckMessage]:
    issuer = urlsplit(settings.IDENTITY_ENVIRONMENT["OPENID_ISSUER"])
    if issuer.scheme != "http" or _is_loopback(issuer.hostname or ""):
        return []
    return [
        Warning(
            "OPENID_ISSUER is not encrypted: whoever is on the way could sign in as anybody.",
            hint="Use its https:// address.",
            id="librechat_backend.W002",
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
