"""Tokens of the links we mail: made, and used once (contract 01 §4.6, §4.7)."""

import secrets
from datetime import timedelta

from django.db.models import F, QuerySet
from django.utils import timezone

from accounts.models import OneTimeToken, User
from librechat_backend.lib import crypto

LIFETIME = timedelta(minutes=15)


def issue_token(*, user: User | None, purpose: OneTimeToken.Purpose) -> str:
    """64 hexadecimal digits. Earlier ones stay good: strangers must not break a link by asking.

    One for nobody opens nothing, at the same cost.
    """
    now = timezone.now()
    OneTimeToken.objects.filter(expires_at__lte=now).delete()
    token = secrets.token_hex(32)
    OneTimeToken.objects.create(
        user=user,
        purpose=purpose,
        email=user.email if user else "",
        token_hash=crypto.token_hash(token),
        expires_at=now + LIFETIME,
    )
    return token


def use_token(*, people: QuerySet[User], purpose: OneTimeToken.Purpose, token: str) -> User | None:
    """Which of ``people`` the token was good for, once; the others of its purpose go too.

    A wrong one costs the same one query, whether or not there are such people.
    """
    good = OneTimeToken.objects.filter(
        user__in=people,
        email=F("user__email"),
        purpose=purpose,
        token_hash=crypto.token_hash(token),
        expires_at__gt=timezone.now(),
    )
    row = good.select_related("user").first()
    if row is None or not OneTimeToken.objects.filter(pk=row.pk).delete()[0]:
        return None
    OneTimeToken.objects.filter(user=row.user, purpose=purpose).delete()
    return row.user
