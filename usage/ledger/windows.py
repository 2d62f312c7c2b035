"""Windows of budgets: calendar days, ISO weeks and months in UTC, or all time. Pure."""

from datetime import UTC, datetime, timedelta

# Where a window begins that never ends.
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


def window_of(window: str, now: datetime) -> tuple[datetime, datetime | None]:
    """Beginning and end of the ``day``, ``week`` or ``month`` of ``now``; no end: ``total``."""
    day = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if window == "day":
        return day, day + timedelta(days=1)
    if window == "week":
        monday = day - timedelta(days=day.weekday())
        return monday, monday + timedelta(weeks=1)
    if window == "month":
        first = day.replace(day=1)
        return first, (first + timedelta(days=32)).replace(day=1)
    return BEGINNING, None
