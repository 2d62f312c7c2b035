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
        self._ahead, self._used = b"", 0  # what was read and is to be read again

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
            raise self._not_one(head, "no document begins here")
        body = self._read(size - SIZE_BYTES)
        if len(body) < size - SIZE_BYTES:
            raise self._not_one(head + body, "a document is cut off")
        if body[-1]:
            raise self._not_one(head + body, "a document has no end")
        return head + body

    def _not_one(self, data: bytes, why: str) -> NotADocument:
        self._ahead, self._used = data + self._ahead[self._used :], 0
        return NotADocument(why)

    def _read(self, size: int) -> bytes:
        """Raises NotADocument where a packed file is broken."""
        found = b""
        if self._ahead:
            found = self._ahead[self._used : self._used + size]
            self._used += size
            if len(found) == size:
                return found
            self._ahead, self._used = b"", 0
        try:
            return found + self._file.read(size - len(found))
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
        """Where the next document begins that another one, or the end, follows. Nothing is sought
        backwards: a packed file would be unpacked from its beginning each time."""
        data, place = bytearray(self._ahead), 1
        self._ahead = b""
        try:
            while (begin := self._find_document(data, place)) is None:
                gone = _forget(data)
                offset, place = offset + gone, max(0, place - gone)
                if not (more := self._read(WINDOW_BYTES)):
                    return None
                data += more
        except NotADocument:
            return None
        self._ahead, self._used = bytes(data[begin:]), 0
        return offset + begin

    def _find_document(self, data: bytearray, place: int) -> int | None:
        """Where the first one begins at ``place`` or behind it."""
        found = data.find(BEGINNING, place + SIZE_BYTES)
        while found >= 0:
            if self._is_document(data, found - SIZE_BYTES):
                return found - SIZE_BYTES
            found = data.find(BEGINNING, found + 1)
        return None

    def _is_document(self, data: bytearray, begin: int) -> bool:
        """``data`` grows where it does not reach that far."""
        size = int.from_bytes(data[begin : begin + SIZE_BYTES], "little", signed=True)
        if not DOCUMENT_BYTES_MIN <= size <= DOCUMENT_BYTES_MAX:
            return False
        following = begin + size + SIZE_BYTES
        if (missing := following + len(BEGINNING) - len(data)) > 0:
            data += self._read(max(missing, WINDOW_BYTES))
        end = data[begin + size - 1 : following + len(BEGINNING)]
        return end[:1] == b"\x00" and (len(end) == 1 or end[1 + SIZE_BYTES :] == BEGINNING)


def _forget(data: bytearray) -> int:
    """How many bytes went: all that were searched, but for a beginning that may end behind them."""
    gone = max(0, len(data) - (SIZE_BYTES + len(BEGINNING) - 1))
    del data[:gone]
    return gone
