"""Counters that all processes share, for limits. Two homes: the database, and Redis."""

from dataclasses import dataclass
from typing import Protocol

# A process that dies gives its places back after this time; who lives renews them.
SLOT_SECONDS = 180.0


@dataclass(frozen=True, slots=True)
class Bucket:
    """At most ``capacity`` at once, refilled evenly in ``per_seconds``; None: never refilled."""

    key: str
    capacity: int
    per_seconds: float | None = 60.0


@dataclass(frozen=True, slots=True)
class Taken:
    """``granted`` is 0 when there was too little; ``wait_seconds`` says when there may be enough
    (None: never). ``left`` is what remains; it may be negative."""

    granted: int
    left: float
    wait_seconds: float | None = 0.0


class Counters(Protocol):
    async def take(self, bucket: Bucket, *, wanted: int, least: int) -> Taken:
        """As much of ``wanted`` as there is, nothing if that is less than ``least``."""
        ...

    async def spend(self, bucket: Bucket, amount: int) -> None:
        """Take ``amount`` whatever there is; a negative one gives back."""
        ...

    async def enter(self, key: str, *, limit: int, holder: str) -> bool:
        """Take one of ``limit`` places for ``holder``, until it leaves or SLOT_SECONDS pass."""
        ...

    async def leave(self, key: str, *, holder: str) -> None: ...

    async def renew(self, places: dict[str, str]) -> None:
        """``places``: holder → key."""
        ...

    async def close(self) -> None: ...


def refilled(bucket: Bucket, level: float, elapsed_seconds: float) -> float:
    if bucket.per_seconds is None:
        return level
    gained = max(elapsed_seconds, 0.0) * bucket.capacity / bucket.per_seconds
    return min(float(bucket.capacity), level + gained)


def drawn(bucket: Bucket, level: float, *, wanted: int, least: int) -> Taken:
    """What a bucket at ``level`` gives."""
    if level >= least:
        granted = min(wanted, max(int(level), least))
        return Taken(granted, level - granted)
    if bucket.per_seconds is None or least > bucket.capacity:
        return Taken(0, level, None)
    return Taken(0, level, (least - level) * bucket.per_seconds / bucket.capacity)
