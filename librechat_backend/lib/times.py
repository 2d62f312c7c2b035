"""Times of the wire contract: ISO 8601 in UTC with milliseconds and Z (contract 03 §0.3)."""

from datetime import UTC, datetime


def to_iso(moment: datetime | str | None) -> str | None:
    """``2025-03-04T05:06:07.890Z``; also of a time that has travelled through JSON."""
    if moment is None:
        return None
    utc = (from_iso(moment) if isinstance(moment, str) else moment).astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z"


def to_epoch_ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def from_iso(text: str) -> datetime:
    """In UTC; no zone means UTC. Raises ValueError for anything but ISO 8601."""
    return in_utc(datetime.fromisoformat(text))


def in_utc(moment: datetime) -> datetime:
    """No zone means UTC. Raises ValueError where the calendar ends on the way."""
    try:
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError as error:
        raise ValueError("The calendar has no such moment.") from error
