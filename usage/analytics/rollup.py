"""Requests of the log → days. The only writer of their tables.

A request is taken from the uncounted ones and added to its day in one transaction. So it does not
matter how late it was logged, how many do this at once, or where one of them is killed.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Sum

from librechat_backend.lib import json
from librechat_backend.lib.tasks import check_interruption
from usage.analytics.measures import DIMENSIONS, MEASURES
from usage.models import RequestLog, UncountedRequest, UsageDaily

# Requests in one transaction: short enough that SQLite's one writer's place is soon free.
BATCH = 2000
# Of PostgreSQL's advisory locks; any number nobody else uses.
_LOCK = 7_204_401

_CLAIM = """
DELETE FROM usage_uncountedrequest WHERE request_id IN (
    SELECT request_id FROM usage_uncountedrequest ORDER BY request_id LIMIT %s
) RETURNING request_id
"""
_ADD = (
    f"INSERT INTO usage_usagedaily ({', '.join(DIMENSIONS + MEASURES)}) "  # noqa: S608 - our names
    f"SELECT {', '.join(DIMENSIONS)}, {', '.join(f'SUM({name})' for name in MEASURES)} "
    "FROM usage_request_cell WHERE request_id {chosen} "
    f"GROUP BY {', '.join(DIMENSIONS)} ON CONFLICT ({', '.join(DIMENSIONS)}) DO UPDATE SET "
    + ", ".join(f"{name} = usage_usagedaily.{name} + excluded.{name}" for name in MEASURES)
)
_ADD_GROUPS = """
INSERT INTO usage_groupofpath (path, group_id, name)
SELECT path, group_id, MAX(name) FROM usage_request_group WHERE request_id {chosen}
GROUP BY path, group_id ON CONFLICT DO NOTHING
"""
_ADD_NAMES = """
INSERT INTO usage_usagename (kind, key, name)
SELECT '{kind}', {kind}_id, MAX({kind}_name) FROM usage_requestlog
WHERE {kind}_id <> '' AND id {chosen} GROUP BY {kind}_id
ON CONFLICT (kind, key) DO UPDATE SET name = excluded.name
"""
_OF_DAY = """
IN (SELECT id FROM usage_requestlog WHERE created_at >= %s AND created_at < %s
    AND id NOT IN (SELECT request_id FROM usage_uncountedrequest))
"""


def roll_up(*, limit: int = BATCH) -> int:
    """Count at most ``limit`` requests that are not counted yet; how many it were."""
    if not UncountedRequest.objects.exists():
        return 0
    with transaction.atomic(), connection.cursor() as cursor:
        _lock(cursor)
        cursor.execute(_CLAIM, [limit])
        ids = [row[0] for row in cursor.fetchall()]
        _add(cursor, ids)
    return len(ids)


def roll_up_all() -> int:
    """In many short transactions; how many requests were counted."""
    total = 0
    while count := roll_up():
        total += count
        check_interruption()
    return total


def recount(*, since: date) -> list[date]:
    """Add up the days from ``since`` on from the log once more; those that were.

    Days of which requests have been cleared from the log keep the figures they have.
    """
    roll_up_all()
    days = []
    for day in _days(since):
        if _recount_day(day):
            days.append(day)
        check_interruption()
    return days


def _days(since: date) -> Iterator[date]:
    rows = UsageDaily.objects.filter(day__gte=since).order_by("day")
    yield from rows.values_list("day", flat=True).distinct()


def _recount_day(day: date) -> bool:
    begin = datetime.combine(day, time(), UTC)
    span = [begin, begin + timedelta(days=1)]
    logged = RequestLog.objects.filter(created_at__gte=span[0], created_at__lt=span[1])
    with transaction.atomic(), connection.cursor() as cursor:
        _lock(cursor)
        counted = UsageDaily.objects.filter(day=day)
        uncounted = UncountedRequest.objects.filter(request_id__in=logged.values("pk"))
        known = counted.aggregate(requests=Sum("requests"))["requests"] or 0
        if logged.count() - uncounted.count() < known:
            return False
        counted.delete()
        moments = [connection.ops.adapt_datetimefield_value(moment) for moment in span]
        cursor.execute(_ADD.format(chosen=_OF_DAY), moments)
    return True


def _add(cursor: Any, ids: list[str]) -> None:
    is_postgresql = connection.vendor == "postgresql"
    chosen = "= ANY(%s)" if is_postgresql else "IN (SELECT value FROM json_each(%s))"
    parameters = [ids if is_postgresql else json.dumps(ids).decode()]
    cursor.execute(_ADD.format(chosen=chosen), parameters)
    cursor.execute(_ADD_GROUPS.format(chosen=chosen), parameters)
    for kind in ("channel", "token"):
        cursor.execute(_ADD_NAMES.format(kind=kind, chosen=chosen), parameters)


def _lock(cursor: Any) -> None:
    """One at a time; SQLite has one writer anyway. Days are not locked by those who read."""
    if connection.vendor == "postgresql":
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
