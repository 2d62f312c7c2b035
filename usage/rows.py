"""Entries of the log → rows, cut to what the columns hold.

Written with SQL of our own: building model instances and their statement would take a third of
the time of a short request (docs/performance.md).
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import cache
from itertools import chain
from operator import attrgetter, gt, itemgetter
from typing import Any

import structlog
from django.db import DatabaseError, connection, models, transaction

from librechat_backend.lib import json
from librechat_backend.lib.json import JSONValue
from librechat_backend.lib.refusals import require_for_good
from librechat_backend.lib.together import Statement, count_rows
from usage.entries import RequestEntry, Tokens
from usage.ledger.settling import settle
from usage.models import RequestContent, RequestLog

log = structlog.get_logger(__name__)

_FIELDS = tuple(RequestLog._meta.concrete_fields)
_LARGEST = 2**31 - 1
# Of a row that no attempt could store, what the way there does, and what the database says: that
# is of the row only where it is for good.
_FAILURES = (DatabaseError, TypeError, ValueError, OverflowError)
ROWS_AT_ONCE = 25


def _insert(model: type[models.Model], columns: Iterable[str]) -> str:
    names = ", ".join(f'"{column}"' for column in columns)
    places = ", ".join("%s" for _ in columns)
    table = model._meta.db_table
    return f'INSERT INTO "{table}" ({names}) VALUES ({places}) ON CONFLICT DO NOTHING'  # noqa: S608 - names of our own


@cache
def _insert_log(count: int, place: str) -> str:
    """Of so many rows in one statement: each statement hands the interpreter's lock to others,
    and waits to get it back. ``place``: what stands for a value."""
    one = _insert(RequestLog, [str(field.column) for field in _FIELDS]).replace("%s", place)
    places = one[one.index(f"({place}") : one.index(" ON CONFLICT")]
    return one.replace(places, ", ".join([places] * count))


_INSERT_CONTENT = _insert(RequestContent, ["request_id", "user_id", "value"])


def write_rows(entries: Sequence[RequestEntry]) -> None:
    """Store ``entries`` and take what they cost from where it is paid, in one transaction; those
    that are stored already are left alone.

    Raises DatabaseError while the database is away. A row it refuses is given up with a log line.
    """
    try:
        _store(entries)
    except _FAILURES as error:
        require_for_good(error)
        _write_one_by_one(entries)


def storing_rows(entries: Sequence[RequestEntry]) -> list[Statement[int]]:
    """What stores ``entries`` together with something else: one that is refused raises DataError or
    IntegrityError, for all. What they cost is settled behind."""
    log_row = _insert_log(1, "%s")
    return [
        *(Statement(log_row, _row(entry), count_rows) for entry in entries),
        *(Statement(_INSERT_CONTENT, row, count_rows) for row in _contents(entries)),
    ]


def _contents(entries: Iterable[RequestEntry]) -> list[tuple[str, str, str]]:
    return [
        (entry.id, entry.user_id, _json(entry.content))
        for entry in entries
        if entry.content and entry.user_id
    ]


def _write_one_by_one(entries: Sequence[RequestEntry]) -> None:
    for entry in entries:
        try:
            _store([entry])
        except _FAILURES as error:
            require_for_good(error)
            log.error("request_log_row_refused", row=entry.id, reason=str(error))
            _settle_alone(entry)


def _settle_alone(entry: RequestEntry) -> None:
    """What it cost is owed without its row, too; the rows behind it do not wait for that."""
    try:
        with transaction.atomic():
            settle([entry])
    except _FAILURES as error:
        require_for_good(error)
        log.error("cost_of_request_refused", row=entry.id, reason=str(error))


def _store(entries: Sequence[RequestEntry]) -> None:
    contents = _contents(entries)
    with transaction.atomic():
        for start in range(0, len(entries), ROWS_AT_ONCE):
            _store_rows([_row(entry) for entry in entries[start : start + ROWS_AT_ONCE]])
        if contents:
            with connection.cursor() as cursor:
                cursor.executemany(_INSERT_CONTENT, contents)
        settle(entries)


def _store_rows(rows: list[list[Any]]) -> None:
    """Past Django's cursor, which looks through a long statement for every value of it."""
    statement = _insert_log(len(rows), "?" if connection.vendor == "sqlite" else "%s")
    with connection.wrap_database_errors:
        connection.connection.execute(statement, list(chain.from_iterable(rows)))


def _row(entry: RequestEntry) -> list[Any]:
    """In the order of the columns."""
    values = list(_VALUES_OF(entry))
    for place in _JSON_PLACES:
        values[place] = _json(values[place]) if values[place] else "[]"
    for place in _MOMENT_PLACES:
        values[place] = _moment(values[place])
    if not _are_counts(_COUNTS_OF(values)):
        for place in _COUNT_PLACES:
            values[place] = _count(values[place])
    if not _are_plain(_TEXTS_OF(values)):
        for place, limit in zip(_TEXT_PLACES, _TEXT_LIMITS, strict=True):
            values[place] = _text(values[place], limit)
    return values


def _are_counts(values: Sequence[Any]) -> bool:
    return {*map(type, values)} == {int} and min(values) >= 0 and max(values) <= _LARGEST


def _are_plain(values: Sequence[str]) -> bool:
    """Whether all of them can be stored as they are: one look at all is far less than one each."""
    whole = "".join(values)
    is_short = not any(map(gt, map(len, values), _TEXT_LIMITS))
    return is_short and whole.isascii() and "\x00" not in whole


def _moment(value: datetime) -> str:
    """As both databases read it, in UTC; Django's own way there takes as long as all of the row."""
    return str(value.astimezone(UTC).replace(tzinfo=None))


def _count(tokens: int) -> int:
    """What a provider reports may be nonsense."""
    return min(max(int(tokens), 0), _LARGEST)


def _text(value: str, limit: int) -> str:
    if value.isascii() and "\x00" not in value:
        return value[:limit]
    return str(_clean(value))[:limit]


def _json(value: JSONValue) -> str:
    try:
        text = json.dumps(value).decode()
    except TypeError:  # halves of surrogate pairs
        text = json.dumps(_clean(value)).decode()
    return json.dumps(_clean(value)).decode() if "\\u0000" in text else text


def _clean(value: JSONValue) -> JSONValue:
    """Without what PostgreSQL cannot store: NUL characters and halves of surrogate pairs."""
    if isinstance(value, str):
        return value.replace("\x00", "").encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if isinstance(value, dict):
        return {_clean(key): _clean(item) for key, item in value.items()}
    return value


def _attribute(field: Any) -> str:
    """Of an entry, where the value of a column is."""
    name: str = field.attname
    if name in Tokens.__dataclass_fields__:
        return f"tokens.{name}"
    return f"{name}.value" if field.choices else name


def _places(is_meant: Callable[[Any], bool]) -> list[int]:
    return [place for place, field in enumerate(_FIELDS) if is_meant(field)]


_VALUES_OF = attrgetter(*map(_attribute, _FIELDS))
_JSON_PLACES = _places(lambda field: isinstance(field, models.JSONField))
_MOMENT_PLACES = _places(lambda field: isinstance(field, models.DateTimeField))
_COUNT_PLACES = _places(lambda field: _attribute(field).startswith("tokens."))
_TEXT_PLACES = _places(lambda field: isinstance(field, models.CharField))
_TEXT_LIMITS = [int(_FIELDS[place].max_length or 0) for place in _TEXT_PLACES]
_COUNTS_OF, _TEXTS_OF = itemgetter(*_COUNT_PLACES), itemgetter(*_TEXT_PLACES)
