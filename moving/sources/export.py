"""A directory of files as mongoexport writes them: one collection each, in extended JSON.

Lines, one array, or documents over several lines; canonical, relaxed, or of old tools.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from bson.codec_options import DatetimeConversion
from bson.errors import BSONError
from bson.json_util import CANONICAL_JSON_OPTIONS, JSONOptions, object_hook
from bson.json_util import dumps as to_extended

from librechat_backend.lib.json import JSONValue
from moving.sources.base import DOCUMENT_BYTES_MAX, Damage, Document
from moving.sources.dump import fingerprint
from moving.sources.plain import NO_TEXT, TWICE, plain

OPTIONS = JSONOptions(tz_aware=True, datetime_conversion=DatetimeConversion.DATETIME_AUTO)
ENDINGS = (".json", ".ndjson", ".jsonl")
METADATA = (".metadata.json", "prelude.json")
CSV = ".csv"
CHUNK_BYTES = 1024 * 1024
# Extended JSON writes a character as up to six.
TEXT_BYTES_MAX = 4 * DOCUMENT_BYTES_MAX
_TOKEN = re.compile(rb'["{}\\]')
# As old versions of mongoexport write it, which is no JSON.
_INFINITY = re.compile(r"(?<=[\[:,])\+Infinity(?=[,\]}])")
_NEXT_LINE = re.compile(rb"\n\s*\{")


class ExportSource:
    def __init__(self, directory: Path) -> None:
        self._files = {_collection(path): path for path in exported(directory)}
        self.name = str(directory)
        self.fingerprint = fingerprint(list(self._files.values()))
        self.notes: tuple[str, ...] = tuple(
            f"{path.name} is left out: CSV loses what is nested."
            for path in sorted(directory.glob(f"*{CSV}"))
        )

    def collections(self) -> Mapping[str, int]:
        return {name: path.stat().st_size for name, path in self._files.items()}

    def read(self, collection: str, after: JSONValue = None) -> Iterator[Document | Damage]:
        path = self._files.get(collection)
        if path is None:
            return
        with path.open("rb") as file:
            for begin, end, data in _Objects(file, after or 0):
                yield _parsed(begin, end, data)

    def close(self) -> None:
        """Nothing is kept open."""


def exported(directory: Path) -> Iterator[Path]:
    return (
        path
        for path in sorted(directory.iterdir())
        if path.suffix in ENDINGS and not path.name.endswith(METADATA)
    )


def _collection(path: Path) -> str:
    """``LibreChat.users.json`` is what a graphical tool calls it."""
    return path.stem.rpartition(".")[2]


def _parsed(begin: int, end: int, data: bytes) -> Document | Damage:
    try:
        value, told = _read(data)
    except (ValueError, TypeError, OverflowError, RecursionError, BSONError) as error:
        return Damage(f"at byte {begin}: a document that cannot be read: {error}", end, end)
    document, repairs = plain(value)
    original = partial(to_extended, value, json_options=CANONICAL_JSON_OPTIONS)
    return Document(document, end, end, len(data), original, (*repairs, *told))


def _read(data: bytes) -> tuple[Any, tuple[str, ...]]:
    """The document, and what of it no dictionary can say. Raises ValueError and others."""
    told: set[str] = set()

    def made(pairs: list[tuple[str, Any]]) -> Any:
        members = dict(pairs)
        if len(members) < len(pairs):
            told.add(TWICE)
        return object_hook(members, OPTIONS)

    try:
        text = data.decode()
    except UnicodeDecodeError:
        text, told = data.decode("utf-8", "replace"), {NO_TEXT}
    try:
        return json.loads(text, object_pairs_hook=made), tuple(sorted(told))
    except json.JSONDecodeError:
        return json.loads(_INFINITY.sub("Infinity", text), object_pairs_hook=made), tuple(told)


class _Objects:
    """The outermost objects of a file, whatever stands between them: (begin, end, bytes)."""

    def __init__(self, file: BinaryIO, start: int) -> None:
        self._file = file
        self._offset = start  # of the buffer's first byte
        self._buffer = b""
        file.seek(start)

    def __iter__(self) -> Iterator[tuple[int, int, bytes]]:
        while self._skip_to_object():
            length = self._length()
            data = self._buffer[:length]
            begin, end = self._offset, self._offset + length
            self._drop(length)
            yield begin, end, data

    def _skip_to_object(self) -> bool:
        while (found := self._buffer.find(b"{")) < 0:
            self._drop(len(self._buffer))
            if not self._fill():
                return False
        self._drop(found)
        return True

    def _length(self) -> int:
        """Of the object at the buffer's beginning; of a broken one, up to the next one's line."""
        depth, position, is_text = 0, 0, False
        while True:
            found = _TOKEN.search(self._buffer, position)
            if found is None:
                position = len(self._buffer)
                if len(self._buffer) > TEXT_BYTES_MAX or not self._fill():
                    return self._broken()
                continue
            position = found.end()
            token = found[0]
            if token == b"\\":
                position += 1
            elif token == b'"':
                is_text = not is_text
            elif not is_text:
                depth += 1 if token == b"{" else -1
                if depth == 0:
                    return position

    def _broken(self) -> int:
        following = _NEXT_LINE.search(self._buffer, 1)
        return following.start() + 1 if following else len(self._buffer)

    def _fill(self) -> bool:
        more = self._file.read(CHUNK_BYTES)
        self._buffer += more
        return bool(more)

    def _drop(self, count: int) -> None:
        self._buffer = self._buffer[count:]
        self._offset += count
