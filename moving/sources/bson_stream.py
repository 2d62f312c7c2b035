"""Documents of BSON that follow each other without separators, whole or damaged."""

import struct
import zlib
from collections.abc import Iterator
from functools import partial
from typing import Any, BinaryIO

import bson
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.errors import BSONError
from bson.json_util import CANONICAL_JSON_OPTIONS
from bson.json_util import dumps as to_extended

from moving.sources.base import DOCUMENT_BYTES_MAX, Damage, Document
from moving.sources.plain import NO_TEXT, TWICE, plain

STRICT: CodecOptions[dict[str, Any]] = CodecOptions(
    tz_aware=True, datetime_conversion=DatetimeConversion.DATETIME_AUTO
)
OPTIONS = STRICT.with_options(unicode_decode_error_handler="replace")
SIZE_BYTES = 4
DOCUMENT_BYTES_MIN = 5
WINDOW_BYTES = 1024 * 1024
# What each document of Mongoose has behind its size: an ObjectId called _id.
BEGINNING = b"\x07_id\x00"


class NotADocument(Exception):
    """Why some bytes are no document."""


def decode(data: bytes) -> dict[str, Any]:
    """Raises NotADocument."""
    try:
        return bson.decode(data, OPTIONS)
    except (BSONError, RecursionError, ValueError, OverflowError, struct.error) as error:
        raise NotADocument(f"a document that cannot be read: {error}") from error


def decode_whole(data: bytes) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The document, and what of it no dictionary can say. Raises NotADocument."""
    try:
        document = bson.decode(data, STRICT)
        is_whole = len(bson.encode(document)) == len(data)
    except (BSONError, RecursionError, ValueError, OverflowError, struct.error):
        return decode(data), (NO_TEXT,)
    return document, () if is_whole else (TWICE,)


def extended(data: bytes) -> str:
    """Raises NotADocument."""
    return to_extended(decode(data), json_options=CANONICAL_JSON_OPTIONS)


class Stream:
    """``file`` can be sought in; ``done`` of the documents is what ``raw`` tells, if given."""

    def __init__(self, file: BinaryIO, raw: BinaryIO | None = None) -> None:
        self._file = file
        self._raw = raw

    def read(self, start: int) -> Iterator[Document | Damage]:
        offset: int | None = start
        self._file.seek(start)
        while offset is not None:
            try:
                data = self._next()
            except NotADocument as error:
                offset = self._recover(begin := offset)
                yield self._damage(f"at byte {begin}: {error}", offset)
                continue
            if data is None:
                return
            offset += len(data)
            yield self._document(data, offset)

    def _next(self) -> bytes | None:
        """The bytes of the next document. Raises NotADocument."""
        head = self._read(SIZE_BYTES)
        if not head:
            return None
        size = int.from_bytes(head, "little", signed=True)
        if len(head) < SIZE_BYTES or not DOCUMENT_BYTES_MIN <= size <= DOCUMENT_BYTES_MAX:
            raise NotADocument("no document begins here")
        body = self._read(size - SIZE_BYTES)
        if len(body) < size - SIZE_BYTES:
            raise NotADocument("a document is cut off")
        if body[-1]:
            raise NotADocument("a document has no end")
        return head + body

    def _read(self, size: int) -> bytes:
        """Raises NotADocument where a packed file is broken."""
        try:
            return self._file.read(size)
        except (EOFError, OSError, zlib.error) as error:
            raise NotADocument(f"the file cannot be unpacked here: {error}") from error

    def _document(self, data: bytes, offset: int) -> Document | Damage:
        try:
            whole, told = decode_whole(data)
            document, repairs = plain(whole)
        except NotADocument as error:
            return self._damage(f"at byte {offset - len(data)}: {error}", offset)
        done, original = self._done(offset), partial(extended, data)
        return Document(document, offset, done, len(data), original, (*repairs, *told))

    def _damage(self, problem: str, offset: int | None) -> Damage:
        return Damage(problem, offset, self._done(offset or 0))

    def _done(self, offset: int) -> int:
        return self._raw.tell() if self._raw is not None else offset

    def _recover(self, offset: int) -> int | None:
        """Where the next document begins that another one, or the end, follows."""
        window_start = offset + 1
        try:
            while window := self._at(window_start, WINDOW_BYTES):
                found = window.find(BEGINNING)
                while found >= 0:
                    begin = window_start + found - SIZE_BYTES
                    if begin > offset and self._is_document(begin):
                        self._file.seek(begin)
                        return begin
                    found = window.find(BEGINNING, found + 1)
                window_start += max(1, len(window) - len(BEGINNING) + 1)
        except NotADocument:
            return None
        return None

    def _is_document(self, begin: int) -> bool:
        size = int.from_bytes(self._at(begin, SIZE_BYTES), "little", signed=True)
        if not DOCUMENT_BYTES_MIN <= size <= DOCUMENT_BYTES_MAX:
            return False
        end = self._at(begin + size - 1, 1 + SIZE_BYTES + len(BEGINNING))
        return end[:1] == b"\x00" and (len(end) == 1 or end[1 + SIZE_BYTES :] == BEGINNING)

    def _at(self, offset: int, size: int) -> bytes:
        self._file.seek(offset)
        return self._read(size)
