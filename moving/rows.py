"""Rows in bulk, past the models: dates, ids and order are those of the source.

``bulk_create`` would set the dates of rows that keep their own, and build objects only to take them
apart again.
"""

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import DateTimeField, JSONField, Model
from django.utils.dateparse import parse_datetime

from librechat_backend.lib.json import dumps

Row = dict[str, Any]
SQLITE_CACHE_KIB = 65_536
SQLITE_CHECKPOINT_PAGES = 20_000
POSTGRESQL_WORK_MB = 64
POSTGRESQL_PENDING_MB = 16
# Many: FTS5 writes a piece of its index for each statement, and pieces have to be merged. SQLite
# takes 32,766 of them.
PARAMETERS_PER_STATEMENT = 24_000


def expect_many() -> None:
    """Databases are set for small transactions; this connection is for large ones.

    Words go into PostgreSQL's index in larger pieces, for each piece visits much of the index. Its
    commits are on disk a moment later than they are said to be, and in their order: after a crash
    the move goes on from one that is there.
    """
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA cache_size = -{SQLITE_CACHE_KIB}")
            cursor.execute(f"PRAGMA wal_autocheckpoint = {SQLITE_CHECKPOINT_PAGES}")
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"SET work_mem = '{POSTGRESQL_WORK_MB}MB'")
            cursor.execute(f"SET gin_pending_list_limit = '{POSTGRESQL_PENDING_MB}MB'")
            cursor.execute("SET synchronous_commit = off")


def expect_few() -> None:
    """What this connection commits from now on is on disk at once, and with it all before."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("RESET synchronous_commit")


def insert(model: type[Model], rows: Sequence[Row], *, is_indexed: bool = False) -> None:
    """Write rows of the same columns that are not here. Raises IntegrityError for one that is.

    ``is_indexed``: FTS5 follows the table.
    """
    if not rows:
        return
    if connection.vendor == "postgresql":
        _copy(model, rows)
    elif is_indexed:
        upsert(model, rows)
    else:
        fields = [_field(model, name) for name in rows[0]]
        with connection.cursor() as cursor:
            cursor.executemany(_insertion(model, fields, 1), _values(fields, rows))


def insert_if_new(model: type[Model], rows: Sequence[Row]) -> bool:
    """Write all of ``rows``, or none where one is here or does not fit.

    Always none on SQLite, where looking for them costs less than going back.
    """
    if connection.vendor != "postgresql":
        return False
    try:
        with transaction.atomic():
            insert(model, rows)
    except IntegrityError:
        return False
    return True


def _copy(model: type[Model], rows: Sequence[Row]) -> None:
    fields = [_field(model, name) for name in rows[0]]
    columns = _columns(model, list(rows[0]))
    with connection.cursor() as cursor, connection.wrap_database_errors:
        with cursor.copy(f"COPY {_table(model)} ({columns}) FROM STDIN") as copy:
            for values in _values(fields, rows):
                copy.write_row(values)


def upsert(
    model: type[Model],
    rows: Sequence[Row],
    *,
    kept: Collection[str] = (),
    key: str = "",
) -> None:
    """Write rows of the same columns; one whose ``key`` (the primary one) is here is replaced.

    ``kept``: columns that such a row keeps.
    """
    if not rows:
        return
    fields = [_field(model, name) for name in rows[0]]
    values = _values(fields, rows)
    target = key or _field(model, model._meta.pk.attname).column
    with connection.cursor() as cursor:
        count = PARAMETERS_PER_STATEMENT // len(fields)
        for start in range(0, len(values), count):
            part = values[start : start + count]
            flat = [value for each in part for value in each]
            cursor.execute(_statement(model, fields, len(part), kept, target), flat)


def _values(fields: Sequence[Any], rows: Sequence[Row]) -> list[list[Any]]:
    """Parameters, row by row."""
    columns = [(field.attname, _converter(field)) for field in fields]
    return [
        [row[name] if convert is None else convert(row[name]) for name, convert in columns]
        for row in rows
    ]


def existing(
    model: type[Model], names: Sequence[str], wanted: Sequence[tuple[Any, ...]], read: Sequence[str]
) -> list[tuple[Any, ...]]:
    """The columns ``read`` of the rows whose columns ``names`` are among ``wanted``."""
    if not wanted:
        return []
    if connection.vendor == "postgresql":
        sql, values = _looked_up(model, names, wanted, read)
    else:
        sql, values = _joined(model, names, wanted, read)
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return [_converted(model, read, row) for row in cursor.fetchall()]


def _joined(
    model: type[Model], names: Sequence[str], wanted: Sequence[tuple[Any, ...]], read: Sequence[str]
) -> tuple[str, list[Any]]:
    """One by one in the index: of several columns ``IN`` makes SQLite read the whole table."""
    keys = [f"key{number}" for number in range(len(names))]
    one = f"({', '.join(['%s'] * len(names))})"
    found = [f"{_table(model)}.{_columns(model, [name])}" for name in names]
    same = " AND ".join(f"{column} = {key}" for column, key in zip(found, keys, strict=True))
    sql = (
        f"WITH wanted ({', '.join(keys)}) AS (VALUES {', '.join([one] * len(wanted))}) "  # noqa: S608
        f"SELECT {_columns(model, read)} FROM wanted CROSS JOIN {_table(model)} ON {same}"
    )
    return sql, [value for each in wanted for value in each]


def _looked_up(
    model: type[Model], names: Sequence[str], wanted: Sequence[tuple[Any, ...]], read: Sequence[str]
) -> tuple[str, list[Any]]:
    """One by one in the index: given the choice, PostgreSQL reads the whole table each time."""
    types = ", ".join(f"%s::{_field(model, name).db_type(connection)}[]" for name in names)
    keys = ", ".join(f"key{number}" for number in range(len(names)))
    sql = (
        f"SELECT found.* FROM unnest({types}) AS wanted ({keys}) CROSS JOIN LATERAL ("  # noqa: S608
        f"SELECT {_columns(model, read)} FROM {_table(model)} "
        f"WHERE ({_columns(model, names)}) = ({keys}) OFFSET 0) AS found"
    )
    return sql, [list(each) for each in zip(*wanted, strict=True)]


def _statement(
    model: type[Model], fields: Sequence[Any], count: int, kept: Collection[str], key: str
) -> str:
    quote = connection.ops.quote_name
    columns = [quote(field.column) for field in fields]
    same = {quote(name) for name in (key, *kept)}
    changes = ", ".join(f"{each} = excluded.{each}" for each in columns if each not in same)
    action = f"DO UPDATE SET {changes}" if changes else "DO NOTHING"
    return f"{_insertion(model, fields, count)} ON CONFLICT ({quote(key)}) {action}"


def _insertion(model: type[Model], fields: Sequence[Any], count: int) -> str:
    columns = ", ".join(connection.ops.quote_name(field.column) for field in fields)
    one = f"({', '.join(_placeholder(field) for field in fields)})"
    return f"INSERT INTO {_table(model)} ({columns}) VALUES {', '.join([one] * count)}"  # noqa: S608


def _placeholder(field: Any) -> str:
    if isinstance(field, JSONField) and connection.vendor == "postgresql":
        return "%s::jsonb"
    own = getattr(field, "get_placeholder", None)
    return str(own(None, None, connection)) if own else "%s"


def _converter(field: Any) -> Callable[[Any], Any] | None:
    """What makes a parameter of a value; None where it is one already."""
    if isinstance(field, JSONField):
        return _json
    is_text = isinstance(field, DateTimeField) and connection.vendor == "sqlite"
    return _naive if is_text else None


def _json(value: Any) -> str | None:
    return None if value is None else dumps(value).decode()


def _naive(value: datetime | None) -> str | None:
    """As Django writes it, in a third of the time."""
    return None if value is None else str(value.astimezone(UTC).replace(tzinfo=None))


def _converted(model: type[Model], names: Sequence[str], row: Sequence[Any]) -> tuple[Any, ...]:
    """SQLite keeps times as text."""
    if connection.vendor != "sqlite":
        return tuple(row)
    return tuple(
        _from_sqlite(_field(model, name), value) for name, value in zip(names, row, strict=True)
    )


def _from_sqlite(field: Any, value: Any) -> Any:
    if not isinstance(field, DateTimeField) or value is None:
        return value
    found = parse_datetime(value) if isinstance(value, str) else value
    return found.replace(tzinfo=UTC) if found and found.tzinfo is None else found


def _field(model: type[Model], name: str) -> Any:
    return model._meta.get_field(name)


def _columns(model: type[Model], names: Sequence[str]) -> str:
    quote = connection.ops.quote_name
    return ", ".join(quote(_field(model, name).column) for name in names)


def _table(model: type[Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)
