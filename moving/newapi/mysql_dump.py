"""Reads what mysqldump wrote, statement by statement, without a server. Pure.

Only the definitions and rows of tables are understood; of everything else no more is read than
where it ends. Nothing of it is ever executed.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

MAX_VALUE_BYTES = 64 * 1024 * 1024
_READ_BYTES = 1024 * 1024
_HEAD_BYTES = 64 * 1024  # of a statement, up to its first value

Value = str | int | float | bytes | None

_NAME = rb"(?:`[^`]+`|\"[^\"]+\"|\w+)"
_TEXT = rb"'[^'\\]*(?:(?:\\.|'')[^'\\]*)*'"
_SPACE = re.compile(rb"(?:\s+|--[^\n]*\n|#[^\n]*\n|/\*M?!9{5,6}.*?\*/|/\*(?!!).*?\*/|;)+", re.S)
_COMMENT = re.compile(rb"--|#|/\*(?!!)")
_COMPLETED = b"-- Dump completed"
_DELIMITER = re.compile(rb"DELIMITER[ \t]+(?!;)[^\n]*\n", re.I)
_ROUTINES = re.compile(rb"(?:(?!DELIMITER)[^\n]*\n)*DELIMITER[ \t]+;[^\n]*\n", re.I)
_CREATE = re.compile(
    rb"CREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?(?:" + _NAME + rb"\.)?(" + _NAME + rb")\s*\(", re.I
)
_INSERT = re.compile(
    rb"(?:INSERT|REPLACE)\s+(?:LOW_PRIORITY\s+|DELAYED\s+)?(?:IGNORE\s+)?INTO\s+(?:"
    + _NAME + rb"\.)?(" + _NAME + rb")\s*(\([^)']*\))?\s*VALUES\s*", re.I,
)  # fmt: skip
_SET_NAMES = re.compile(rb"(?:/\*!\d+\s*)?SET\s+NAMES\s+'?(\w+)", re.I)
_PIECE = re.compile(rb"[^'\"`;]+|" + _TEXT + rb'|"(?:[^"\\]|\\.)*"|`[^`]*`', re.S)
_TUPLE = re.compile(rb"\s*\(")
_COMMA = re.compile(rb"\s*,")
_BETWEEN_TUPLES = re.compile(rb"\)\s*,\s*\(")
_COLUMN = re.compile(rb"^\s*(`[^`]+`|\"[^\"]+\"|\w+)\s+[a-z]", re.I | re.M)
_NO_COLUMNS = frozenset(
    {b"primary", b"key", b"unique", b"constraint", b"fulltext", b"spatial", b"index", b"foreign",
     b"check"}
)  # fmt: skip
_VALUE = re.compile(
    rb"\s*(?:(?P<null>NULL)|(?:_\w+\s*)?(?P<text>" + _TEXT + rb")"
    rb"|(?:_\w+\s+)?0x(?P<hex>[0-9a-f]*)|x'(?P<quoted_hex>[0-9a-f]*)'"
    rb"|b'(?P<bits>[01]*)'|(?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)"
    rb"|(?P<truth>TRUE|FALSE))\s*(?P<end>[,)])",
    re.I | re.S,
)
_ESCAPE = re.compile(rb"\\(.)|''", re.S)
_ESCAPED = {b"0": b"\0", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"Z": b"\x1a"}
_CHARSETS = {
    "utf8mb4": "utf-8", "utf8": "utf-8", "utf8mb3": "utf-8", "binary": "utf-8", "ascii": "ascii",
    "latin1": "cp1252",
}  # fmt: skip
_OTHER_KINDS = {
    b"PGDMP": "This dump of PostgreSQL is no text; let pg_dump write it without --format.",
    b"PRAGMA foreign_keys": "This is a text dump of SQLite; give the database file itself.",
    b"\0": "This is neither a SQLite database nor a dump of MySQL or PostgreSQL.",
}


class UnreadableDump(ValueError):
    """What is wrong, for the person at the terminal."""


@dataclass(frozen=True, slots=True)
class Table:
    name: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Row:
    table: Table
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Skipped:
    """So many rows of a table nobody wanted."""

    table: str
    rows: int


def read_dump(
    read: Callable[[int], bytes], wanted: Callable[[str], bool]
) -> Iterator[Table | Row | Skipped]:
    """The wanted tables with their rows, in the dump's order; ``read`` as that of a file.

    Raises UnreadableDump.
    """
    buffer = _Buffer(read)
    yield from _Reader(buffer, wanted).statements()


class _Buffer:
    """What was read and not used yet."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        self.data = b""
        self.at = 0
        self._is_whole = False

    def more(self) -> bool:
        """Whether there was more to read."""
        if self._is_whole:
            return False
        if len(self.data) - self.at > MAX_VALUE_BYTES:
            raise UnreadableDump("One value or comment of the dump is larger than 64 MB.")
        new = self._read(_READ_BYTES)
        self._is_whole = not new
        self.data, self.at = self.data[self.at :] + new, 0
        return bool(new)

    def take(self, pattern: re.Pattern[bytes], within: int = _HEAD_BYTES) -> re.Match[bytes] | None:
        """What is here, if it fits; ``within`` so many bytes it can be told that it does not."""
        while True:
            found = pattern.match(self.data, self.at)
            is_clear = found.end() < len(self.data) if found else self._left() >= within
            if is_clear or not self.more():
                break
        if found:
            self.at = found.end()
        return found

    def peek(self, count: int) -> bytes:
        while self._left() < count and self.more():
            pass
        return self.data[self.at : self.at + count]

    def _left(self) -> int:
        return len(self.data) - self.at


class _Reader:
    def __init__(self, buffer: _Buffer, wanted: Callable[[str], bool]) -> None:
        self._buffer = buffer
        self._wanted = wanted
        self._tables: dict[str, Table] = {}
        self._charset = "utf-8"
        self._is_complete = False

    def statements(self) -> Iterator[Table | Row | Skipped]:
        head = self._buffer.peek(4096)
        for sign, reason in _OTHER_KINDS.items():
            if sign in head:
                raise UnreadableDump(reason)
        while self._skip_space():
            yield from self._statement()
        if re.search(rb"-- (?:MySQL|MariaDB) dump", head) and not self._is_complete:
            raise UnreadableDump("The dump is cut off: its last line is missing.")

    def _skip_space(self) -> bool:
        """Whether a statement follows."""
        buffer = self._buffer
        while True:
            if found := buffer.take(_SPACE):
                self._is_complete |= _COMPLETED in found.group()
            elif not buffer.peek(1):
                return False
            elif not _COMMENT.match(buffer.data, buffer.at):
                return True
            elif not buffer.more():  # the last line is a comment without an end
                self._is_complete |= buffer.data.startswith(_COMPLETED, buffer.at)
                return False

    def _statement(self) -> Iterator[Table | Row | Skipped]:
        take = self._buffer.take
        if found := take(_CREATE):
            yield from self._create(_name(found.group(1)))
        elif found := take(_INSERT):
            yield from self._insert(_name(found.group(1)), found.group(2))
        elif found := take(_SET_NAMES):
            self._use_charset(found.group(1).decode().lower())
            self._rest()
        elif not take(_DELIMITER):
            self._rest()
        elif not take(_ROUTINES, MAX_VALUE_BYTES):  # they hold semicolons
            raise UnreadableDump("The dump is cut off inside a trigger or routine.")

    def _create(self, name: str) -> Iterator[Table]:
        found = _COLUMN.findall(self._rest()[0])
        table = Table(name, tuple(_name(each) for each in found if each.lower() not in _NO_COLUMNS))
        if self._wanted(name):
            if name in self._tables:
                raise UnreadableDump(f"The dump holds {name} twice: dump one database only.")
            yield table
        self._tables[name] = table

    def _insert(self, name: str, columns: bytes | None) -> Iterator[Row | Skipped]:
        if not self._wanted(name):
            yield Skipped(name, self._rest()[1])
            return
        table = self._table(name, columns)
        yield self._row(table)
        while self._buffer.take(_COMMA):
            yield self._row(table)
        self._rest()

    def _table(self, name: str, columns: bytes | None) -> Table:
        if name not in self._tables:
            raise UnreadableDump(f"The dump has rows of {name} before its CREATE TABLE.")
        if columns is None:
            return self._tables[name]
        names = (_name(part.strip()) for part in columns.strip(b"()").split(b","))
        return Table(name, tuple(names))

    def _row(self, table: Table) -> Row:
        values: list[Value] = []
        found = self._buffer.take(_TUPLE)
        while found and found.group()[-1:] != b")":
            found = self._buffer.take(_VALUE, MAX_VALUE_BYTES)
            if found:
                values.append(_value(found, self._charset))
        if not found or len(values) != len(table.columns):
            raise UnreadableDump(f"A row of {table.name} is damaged, or the dump is cut off there.")
        return Row(table, tuple(values))

    def _use_charset(self, name: str) -> None:
        if name not in _CHARSETS:
            raise UnreadableDump(
                f"The dump is written in {name}. Dump again with --default-character-set=utf8mb4."
            )
        self._charset = _CHARSETS[name]

    def _rest(self) -> tuple[bytes, int]:
        """The statement up to its semicolon (or its first megabyte), and how many rows it has."""
        body, rows = b"", 1
        while self._buffer.peek(1) != b";":
            found = self._buffer.take(_PIECE, MAX_VALUE_BYTES)
            if found is None:
                raise UnreadableDump("The dump is cut off inside a statement.")
            piece = found.group()
            rows += len(_BETWEEN_TUPLES.findall(piece)) if piece[:1] != b"'" else 0
            body += piece if len(body) < _READ_BYTES else b""
        self._buffer.at += 1
        return body, rows


def _name(quoted: bytes) -> str:
    return quoted.strip(b'`"').decode(errors="replace")


def _value(found: re.Match[bytes], charset: str) -> Value:
    kind, raw = next((kind, raw) for kind, raw in found.groupdict().items() if raw is not None)
    if kind == "text":
        return _decoded(_ESCAPE.sub(_unescaped, raw[1:-1]), charset)
    if kind == "number":
        return int(raw) if raw.lstrip(b"+-").isdigit() else float(raw)
    if kind in ("hex", "quoted_hex"):
        return _text_or_bytes(bytes.fromhex(raw.decode().zfill(len(raw) + len(raw) % 2)))
    if kind == "bits":
        return int(raw or b"0", 2)
    return int(raw.upper() == b"TRUE") if kind == "truth" else None


def _decoded(data: bytes, charset: str) -> str:
    try:
        return data.decode(charset)
    except UnicodeDecodeError:
        raise UnreadableDump(
            f"The dump holds text that is not {charset}. Dump again with --hex-blob "
            "--default-character-set=utf8mb4."
        ) from None


def _unescaped(found: re.Match[bytes]) -> bytes:
    character: bytes | None = found.group(1)
    return b"'" if character is None else _ESCAPED.get(character, character)


def _text_or_bytes(data: bytes) -> Value:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data
