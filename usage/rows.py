"""Entries of the log → rows, cut to what the columns hold.

Written with SQL of our own: building model instances and their statement would take a third of
the time of a short request (docs/performance.md).
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import structlog
from django.db import DataError, IntegrityError, connection, models, transaction

from librechat_backend.lib import json
from librechat_backend.lib.json import JSONValue
from usage.entries import RequestEntry, Tokens
from usage.ledger.settling import settle
from usage.models import RequestContent, RequestLog

log = structlog.get_logger(__name__)

_FIELDS = tuple(RequestLog._meta.concrete_fields)
_TOKENS = frozenset(Tokens.__dataclass_fields__)
_LARGEST = 2**31 - 1


def _insert(model: type[models.Model], columns: Iterable[str]) -> str:
    names = ", ".join(f'"{column}"' for column in columns)
    places = ", ".join("%s" for _ in columns)
    table = model._meta.db_table
    return f'INSERT INTO "{table}" ({names}) VALUES ({places}) ON CONFLICT DO NOTHING'  # noqa: S608 - names of our own


_INSERT_LOG = _insert(RequestLog, [str(field.column) for field in _FIELDS])
_INSERT_CONTENT = _insert(RequestContent, ["request_id", "user_id", "value"])


def write_rows(entries: Sequence[RequestEntry]) -> None:
    """Store ``entries`` and take what they cost from where it is paid, in one transaction; those
    that are stored already are left alone.

    Raises DatabaseError while the database is away. A row it refuses is given up with a log line.
    """
    try:
        _store(entries)
    except (DataError, IntegrityError):
        _write_one_by_one(entries)


def _write_one_by_one(entries: Sequence[RequestEntry]) -> None:
    for entry in entries:
        try:
            _store([entry])
        except (DataError, IntegrityError) as error:
            log.error("request_log_row_refused", row=entry.id, reason=str(error))
            _settle_alone(entry)


def _settle_alone(entry: RequestEntry) -> None:
    """What it cost is owed without its row, too; the rows behind it do not wait for that."""
    try:
        with transaction.atomic():
            settle([entry])
    except (DataError, IntegrityError) as error:
        log.error("cost_of_request_refused", row=entry.id, reason=str(error))


def _store(entries: Sequence[RequestEntry]) -> None:
    contents = [
        (entry.id, entry.user_id, _json(entry.content))
        for entry in entries
        if entry.content and entry.user_id
    ]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany(_INSERT_LOG, [_row(entry) for entry in entries])
        if contents:
            cursor.executemany(_INSERT_CONTENT, contents)
        settle(entries)


def _row(entry: RequestEntry) -> list[Any]:
    """In the order of the columns."""
    return [reader(entry) for reader in _READERS]


def _reader(field: Any) -> Any:
    """How the value of a column is read from an entry."""
    name: str = field.attname
    if name in _TOKENS:
        return lambda entry: _count(getattr(entry.tokens, name))
    if isinstance(field, models.JSONField):
        return lambda entry: _json(getattr(entry, name))
    if isinstance(field, models.DateTimeField):
        return lambda entry: _moment(getattr(entry, name))
    if isinstance(field, models.CharField) and field.max_length:
        limit = field.max_length
        return lambda entry: _text(getattr(entry, name), limit)
    return lambda entry: getattr(entry, name)


def _moment(value: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(value)


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


_READERS = [_reader(field) for field in _FIELDS]
