"""Shared counters in the database: a row for each bucket, locked while it is drawn from."""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from librechat_backend.lib.aio import in_database
from usage.counters import SLOT_SECONDS, Bucket, Taken, drawn, refilled
from usage.models import LimitCounter, LimitPlace


class DatabaseCounters:
    async def take(self, bucket: Bucket, *, wanted: int, least: int) -> Taken:
        return await in_database(_take, bucket, wanted=wanted, least=least)

    async def spend(self, bucket: Bucket, amount: int) -> None:
        await in_database(_spend, bucket, amount)

    async def enter(self, key: str, *, limit: int, holder: str) -> bool:
        return await in_database(_enter, key, limit=limit, holder=holder)

    async def leave(self, key: str, *, holder: str) -> None:
        await in_database(_leave, holder)

    async def renew(self, places: dict[str, str]) -> None:
        await in_database(_renew, list(places))

    async def close(self) -> None:
        """There is nothing to close."""


def _locked(key: str, capacity: float) -> LimitCounter:
    """Needs a transaction."""
    LimitCounter.objects.get_or_create(key=key, defaults={"level": capacity})
    return LimitCounter.objects.select_for_update().get(key=key)


@transaction.atomic
def _take(bucket: Bucket, *, wanted: int, least: int) -> Taken:
    row, now = _locked(bucket.key, bucket.capacity), timezone.now()
    level = refilled(bucket, row.level, (now - row.updated_at).total_seconds())
    taken = drawn(bucket, level, wanted=wanted, least=least)
    row.level, row.updated_at = taken.left, now
    row.save(update_fields=["level", "updated_at"])
    return taken


@transaction.atomic
def _spend(bucket: Bucket, amount: int) -> None:
    row, now = _locked(bucket.key, bucket.capacity), timezone.now()
    level = refilled(bucket, row.level, (now - row.updated_at).total_seconds())
    row.level, row.updated_at = min(level - amount, float(bucket.capacity)), now
    row.save(update_fields=["level", "updated_at"])


@transaction.atomic
def _enter(key: str, *, limit: int, holder: str) -> bool:
    _locked(key, 0)
    now = timezone.now()
    LimitPlace.objects.filter(key=key, expires_at__lte=now).delete()
    if LimitPlace.objects.filter(key=key).count() >= limit:
        return False
    until = now + timedelta(seconds=SLOT_SECONDS)
    LimitPlace.objects.create(key=key, holder=holder, expires_at=until)
    return True


def _leave(holder: str) -> None:
    LimitPlace.objects.filter(holder=holder).delete()


def _renew(holders: list[str]) -> None:
    until = timezone.now() + timedelta(seconds=SLOT_SECONDS)
    LimitPlace.objects.filter(holder__in=holders).update(expires_at=until)
