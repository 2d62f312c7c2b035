"""Whether a person may start a turn now: bans and limits (contract 01 §4.12, 02 §2.6)."""

from dataclasses import dataclass

from django.conf import settings

from accounts.models import User, Violation
from accounts.services import bans
from conversations.chat.request import TurnRequest
from conversations.services.generations import require_room
from librechat_backend.lib import throttling
from librechat_backend.lib.errors import TooManyRequests


@dataclass(frozen=True, slots=True)
class _Limiter:
    name: str
    identity: str
    limit: int
    minutes: int


def admit(user: User, request: TurnRequest, *, ip_address: str | None) -> None:
    """Raises TooManyRequests in the form the client translates; who is banned has been refused
    before.

    ``ip_address``: None where it is not known.
    """
    for limiter in _limiters(user, ip_address):
        _check(limiter, user, ip_address)
    if settings.LIMIT_CONCURRENT_MESSAGES:
        _check_concurrent(user, request, ip_address)


def _limiters(user: User, ip_address: str | None) -> list[_Limiter]:
    limiters = []
    if settings.LIMIT_MESSAGE_IP and ip_address:
        limits = settings.MESSAGE_IP_MAX, settings.MESSAGE_IP_WINDOW
        limiters.append(_Limiter("ip", ip_address, *limits))
    if settings.LIMIT_MESSAGE_USER:
        limits = settings.MESSAGE_USER_MAX, settings.MESSAGE_USER_WINDOW
        limiters.append(_Limiter("user", user.pk, *limits))
    return limiters


def _check(limiter: _Limiter, user: User, ip_address: str | None) -> None:
    scope, seconds = f"message-{limiter.name}", limiter.minutes * 60
    try:
        throttling.check(scope, limiter.identity, limiter.limit, seconds, "")
    except TooManyRequests as refusal:
        bans.record_violation(
            user=user,
            kind=Violation.Kind.MESSAGES,
            score=settings.MESSAGE_VIOLATION_SCORE,
            ip_address=ip_address,
        )
        raise TooManyRequests(
            headers=refusal.headers,
            type="message_limit",
            max=limiter.limit,
            limiter=limiter.name,
            windowInMinutes=limiter.minutes,
        ) from refusal


def _check_concurrent(user: User, request: TurnRequest, ip_address: str | None) -> None:
    """Looked at again, exactly, when the turn begins; but only here it is a violation."""
    try:
        require_room(user=user, request=request)
    except TooManyRequests:
        score = settings.CONCURRENT_VIOLATION_SCORE
        bans.record_violation(
            user=user, kind=Violation.Kind.CONCURRENT, score=score, ip_address=ip_address
        )
        raise
