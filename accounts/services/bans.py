"""Violations and the bans they end in (contract 01 §4.12). Rows, so every process knows them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F, OuterRef, Q, QuerySet
from django.utils import timezone

from accounts.models import Ban, User, Violation
from accounts.services.sessions import end_all_sessions
from librechat_backend.lib.compiled import Given
from librechat_backend.lib.errors import Forbidden

MESSAGE = "Your account has been temporarily banned due to violations of our service."

log = structlog.get_logger(__name__)


class Banned(Forbidden):
    def __init__(self) -> None:
        super().__init__(MESSAGE)


def bans_of_each_person(
    ip_address: str | Given | None = None, now: datetime | Given | None = None
) -> QuerySet[Ban]:
    """Those that hold ``now``, for a subquery of people who come from ``ip_address``."""
    who = Q(user=OuterRef("pk"))
    if ip_address:
        who |= Q(ip_address=ip_address)
    return Ban.objects.filter(who, expires_at__gt=now or timezone.now())


@dataclass(frozen=True, slots=True)
class BannedAddresses:
    """``until`` the last ban of each ends."""

    until: Mapping[str, datetime]

    def holds(self, ip_address: str, now: datetime) -> bool:
        until = self.until.get(ip_address)
        return until is not None and now < until


_addresses: tuple[str, BannedAddresses] | None = None


def banned_addresses(stamp: str) -> BannedAddresses:
    """``stamp``: of the rights, read before. One query; none while nothing has changed."""
    global _addresses
    known = _addresses
    if known is None or known[0] != stamp:
        rows = Ban.objects.filter(ip_address__isnull=False, expires_at__gt=timezone.now())
        until = {str(row.ip_address): row.expires_at for row in rows.order_by("expires_at")}
        known = _addresses = stamp, BannedAddresses(until)
    return known[1]


def is_banned(*, user: User | None = None, ip_address: str | None = None) -> bool:
    """One query."""
    who = Q(pk__in=[])
    if user is not None:
        who |= Q(user=user)
    if ip_address:
        who |= Q(ip_address=ip_address)
    return Ban.objects.filter(who, expires_at__gt=timezone.now()).exists()


def require_not_banned(*, user: User | None = None, ip_address: str | None = None) -> None:
    """Raises Banned."""
    if is_banned(user=user, ip_address=ip_address):
        raise Banned


def record_violation(
    *, user: User, kind: Violation.Kind, score: int, ip_address: str | None
) -> None:
    """Add to the score; each time it passes a multiple of BAN_INTERVAL, a ban follows."""
    if score == 0:
        return
    with transaction.atomic():
        Violation.objects.get_or_create(user=user, kind=kind)
        rows = Violation.objects.filter(user=user, kind=kind)
        rows.update(score=F("score") + score, updated_at=timezone.now())
        total = rows.get().score
    log.info("violation", user=user.pk, kind=kind, score=total)
    passed = total // settings.BAN_INTERVAL > (total - score) // settings.BAN_INTERVAL
    if settings.BAN_VIOLATIONS and passed:
        until = timezone.now() + timedelta(milliseconds=settings.BAN_DURATION)
        ban(user=user, ip_address=ip_address, reason=kind.label, until=until)


def ban(*, user: User | None, ip_address: str | None, reason: str, until: datetime) -> Ban:
    """Ends the person's sessions; their running answers stop within seconds.

    Access tokens and API keys are refused from the next request on.
    """
    with transaction.atomic():
        row = Ban.objects.create(user=user, ip_address=ip_address, reason=reason, expires_at=until)
        if user is not None:
            end_all_sessions(user=user)
    log.warning("banned", user=user.pk if user else None, ip=ip_address, reason=reason)
    return row


def lift_bans(*, user: User) -> None:
    """Those of the person; a banned address stays so."""
    user.bans.all().delete()
    log.info("bans_lifted", user=user.pk)
