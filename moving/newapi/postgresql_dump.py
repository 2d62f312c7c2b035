"""Reads what pg_dump wrote as text, table by table, without a server. Pure.

Only the lines between ``COPY … FROM stdin`` and ``\\.`` are read; nothing is ever executed. All
values are texts, for the types stand elsewhere; readers of rows know what they want.
"""

import re
from collections.abc import Callable, Iterator

from moving.newapi.mysql_dump import MAX_VALUE_BYTES, Row, Skipped, Table, UnreadableDump

SIGN = b"-- PostgreSQL database"
_COMPLETE = b"-- PostgreSQL database dump complete"
_END = b"\\."
_NULL = b"\\N"
_COPY = re.compile(
    rb"COPY (?:(?:\w+|\"[^\"]+\")\.)?(?P<name>\w+|\"[^\"]+\") \((?P<columns>[^)]*)\) FROM stdin;"
)
_INSERT = re.compile(rb"INSERT INTO ", re.I)
_ENCODING = re.compile(rb"SET client_encoding = '(\w+)';")
_ESCAPE = re.compile(rb"\\(.)", re.S)
_ESCAPED = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}


def read_postgresql(
    read_line: Callable[[int], bytes], wanted: Callable[[str], bool]
) -> Iterator[Table | Row | Skipped]:
    """The wanted tables with their rows; ``read_line`` as ``readline`` of a file.

    Raises UnreadableDump.
    """
    is_complete = False
    while line := _line(read_line):
        if copy := _COPY.match(line):
            yield from _copied(copy, read_line, wanted)
        elif _INSERT.match(line):
            raise UnreadableDump("Let pg_dump write it without --inserts.")
        elif encoding := _ENCODING.match(line):
            _check_encoding(encoding[1].decode())
        is_complete = is_complete or line.startswith(_COMPLETE)
    if not is_complete:
        raise UnreadableDump("The dump is cut off: its last line is missing.")


def _line(read_line: Callable[[int], bytes]) -> bytes:
    line = read_line(MAX_VALUE_BYTES + 1)
    if len(line) > MAX_VALUE_BYTES:
        raise UnreadableDump("A line of the dump is larger than 64 MB.")
    return line


def _check_encoding(name: str) -> None:
    if name.upper() not in ("UTF8", "SQL_ASCII"):
        raise UnreadableDump(f"It is written in {name}; let pg_dump write it with --encoding=UTF8.")


def _copied(
    copy: re.Match[bytes], read_line: Callable[[int], bytes], wanted: Callable[[str], bool]
) -> Iterator[Table | Row | Skipped]:
    table = Table(_name(copy["name"]), tuple(map(_name, copy["columns"].split(b","))))
    is_wanted = wanted(table.name)
    if is_wanted:
        yield table
    count = 0
    while line := _line(read_line):
        row = line.rstrip(b"\r\n")
        if row == _END:
            break
        count += 1
        if is_wanted:
            yield _row(table, row)
    if not is_wanted:
        yield Skipped(table.name, count)


def _name(quoted: bytes) -> str:
    return quoted.strip().strip(b'"').decode(errors="replace")


def _row(table: Table, line: bytes) -> Row:
    values = line.split(b"\t")
    if len(values) != len(table.columns):
        raise UnreadableDump(f"The dump is damaged: a row of {table.name} has another length.")
    return Row(table, tuple(None if each == _NULL else _text(each) for each in values))


def _text(value: bytes) -> str:
    if b"\\" in value:
        value = _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[1]), value)
    return value.decode(errors="replace")
