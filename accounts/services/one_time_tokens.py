"""Tokens of the links we mail: made, and used once (contract 01 §4.6, §4.7)."""

import secrets
from datetime import timedelta

from django.utils import timezone

from accounts.models import OneTimeToken, User
from librechat_backend.lib import crypto

LIFETIME = timedelta(minutes=15)


def issue_token(*, user: User, purpose: OneTimeToken.Purpose) -> str:
    """64 hexadecimal digits. Earlier ones stay good: strangers must not break a link by asking."""
    now = timezone.now()
    OneTimeToken.objects.filter(expires_at__lte=now).delete()
    token = secrets.token_hex(32)
    OneTimeToken.objects.create(
        user=user,
        purpose=purpose,
        email=user.email,
        token_hash=crypto.token_hash(token),
        expires_at=now + LIFETIME,
    )
    return token


def use_token(*, user: User, purpose: OneTimeToken.Purpose, token: str) -> bool:
    """Whether ``token`` was good, which it is for one caller; the others of its purpose go too."""
    tokens = OneTimeToken.objects.filter(user=user, purpose=purpose)
    used, _ = tokens.filter(
        email=user.email, token_hash=crypto.token_hash(token), expires_at__gt=timezone.now()
    ).delete()
    if used:
        tokens.delete()
    return bool(used)
