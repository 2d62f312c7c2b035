"""A database of one-api or new-api: a SQLite file, or a dump that is made one."""

import gzip
import re
import sqlite3
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Any

from moving.newapi.mysql_dump import Row as DumpRow
from moving.newapi.mysql_dump import Skipped, Table, UnreadableDump, read_dump
from moving.newapi.postgresql_dump import SIGN as POSTGRESQL
from moving.newapi.postgresql_dump import read_postgresql

REQUIRED = ("users", "tokens", "channels")
# Read row by row; of every other table only the number of rows matters.
READ = frozenset({*REQUIRED, "options", "redemptions", "two_fas"})
VALUE_BYTES_MAX = 64 * 1024 * 1024
_SQLITE = b"SQLite format 3\0"
_GZIP = b"\x1f\x8b"
_ROWS_AT_ONCE = 500
_HEAD_BYTES = 200
_NAME = re.compile(r"\w{1,64}")

Reached = Callable[[int], None]


class SourceUnreadable(Exception):
    """Nothing can be taken over; says why."""


class Source:
    """``other_tables``: name → rows, of what is only counted."""

    def __init__(self, connection: sqlite3.Connection, other_tables: dict[str, int]) -> None:
        self._connection = connection
        self.other_tables = other_tables
        self.columns = {name: self._columns(name) for name in READ}
        missing = [name for name in REQUIRED if not self.columns[name]]
        if missing:
            raise SourceUnreadable(
                f"It is not of one-api or new-api: there is no table {', '.join(missing)}."
            )

    def _columns(self, table: str) -> frozenset[str]:
        rows = self._connection.execute(f"PRAGMA table_info({table})")
        return frozenset(row[1] for row in rows)

    def count(self, table: str) -> int:
        if not self.columns[table]:
            return 0
        found = self._connection.execute(f"SELECT count(*) FROM {table}")  # noqa: S608 - of READ
        return int(found.fetchone()[0])

    def batches(self, table: str) -> Iterator[list[dict[str, Any]]]:
        """All rows, in the order of their ids where there are some."""
        if not self.columns[table]:
            return
        order = " ORDER BY id" if "id" in self.columns[table] else ""
        cursor = self._connection.execute(f"SELECT * FROM {table}{order}")  # noqa: S608 - of READ
        names = [column[0] for column in cursor.description]
        while rows := cursor.fetchmany(_ROWS_AT_ONCE):
            yield [dict(zip(names, row, strict=True)) for row in rows]


@contextmanager
def open_source(path: Path, reached: Reached = lambda done: None) -> Iterator[Source]:
    """``reached`` hears how many bytes of a dump were read. Raises SourceUnreadable."""
    try:
        with path.open("rb") as file:
            head = file.read(len(_SQLITE))
        if head == _SQLITE:
            with closing(_connect(path)) as connection:
                yield _from_database(connection)
            return
        with tempfile.TemporaryDirectory(prefix="moving-") as folder:
            with closing(sqlite3.connect(Path(folder) / "source.sqlite3")) as connection:
                yield _from_dump(path, connection, reached, is_packed=head[:2] == _GZIP)
    except OSError as error:
        raise SourceUnreadable(f"Cannot read {path}: {error.strerror or error}.") from error
    except sqlite3.DatabaseError as error:
        raise SourceUnreadable(f"The SQLite database is damaged: {error}.") from error
    except UnreadableDump as error:
        raise SourceUnreadable(str(error)) from error
    except (EOFError, zlib.error) as error:
        raise SourceUnreadable("The compressed file is damaged or cut off.") from error


def _connect(path: Path) -> sqlite3.Connection:
    """To read only; nothing a strange schema asks for is run."""
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
    connection.text_factory = lambda data: data.decode(errors="replace")
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, VALUE_BYTES_MAX)
    for pragma in ("trusted_schema = OFF", "query_only = ON", "cell_size_check = ON"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def _from_database(connection: sqlite3.Connection) -> Source:
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise SourceUnreadable(f"The SQLite database is damaged: {verdict}.")
    # No views: what they say is somebody's program.
    found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    names = {name for (name,) in found if _NAME.fullmatch(name) and name[:7] != "sqlite_"}
    if missing := set(REQUIRED) - names:
        raise SourceUnreadable(
            f"It is not of one-api or new-api: there is no table {', '.join(sorted(missing))}."
        )
    others = {
        name: int(connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0])  # noqa: S608 - matched
        for name in names - READ
    }
    return Source(connection, others)


def _from_dump(
    path: Path, connection: sqlite3.Connection, reached: Reached, *, is_packed: bool
) -> Source:
    others: dict[str, int] = {}
    with path.open("rb") as file, connection:
        for found in _understood(file, reached, is_packed=is_packed):
            if isinstance(found, Table):
                _create(connection, found)
            elif isinstance(found, Skipped):
                others[found.table] = others.get(found.table, 0) + found.rows
            else:
                _insert(connection, found)
    return Source(connection, others)


def _understood(
    file: BufferedReader, reached: Reached, *, is_packed: bool
) -> Iterator[Table | DumpRow | Skipped]:
    """What a dump says, of MySQL or of PostgreSQL."""
    plain = gzip.GzipFile(fileobj=file) if is_packed else file

    def told(data: bytes) -> bytes:
        reached(file.tell())
        return data

    is_postgresql = POSTGRESQL in plain.read(_HEAD_BYTES)
    plain.seek(0)
    if is_postgresql:
        return read_postgresql(lambda size: told(plain.readline(size)), READ.__contains__)
    return read_dump(lambda size: told(plain.read(size)), READ.__contains__)


def _create(connection: sqlite3.Connection, table: Table) -> None:
    columns = ", ".join(f'"{name}"' for name in table.columns if _NAME.fullmatch(name))
    connection.execute(f"CREATE TABLE {table.name} ({columns})")


def _insert(connection: sqlite3.Connection, row: DumpRow) -> None:
    pairs = [
        (name, _storable(value))
        for name, value in zip(row.table.columns, row.values, strict=True)
        if _NAME.fullmatch(name)
    ]
    columns = ", ".join(f'"{name}"' for name, _ in pairs)
    marks = ", ".join("?" * len(pairs))
    connection.execute(
        f"INSERT INTO {row.table.name} ({columns}) VALUES ({marks})",  # noqa: S608 - of READ, matched
        [value for _, value in pairs],
    )


def _storable(value: Any) -> Any:
    """SQLite's numbers have 64 bits."""
    is_large = isinstance(value, int) and not -(2**63) <= value < 2**63
    return str(value) if is_large else value
