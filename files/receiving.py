"""Multipart bodies: fields into memory, the file onto the disk as it arrives.

Memory per upload is bounded by WRITE_BYTES and the parser's own limits, whatever the size of the
file.
"""

import hashlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

from files.exceptions import UploadRefused, UploadTooLarge
from files.threads import in_file_thread
from librechat_backend.lib.bodies import StreamedRequest
from librechat_backend.lib.forms import (
    BrokenForm,
    MultipartSegment,
    PushMultipartParser,
    form_parser,
)
from librechat_backend.lib.ids import new_uuid

WRITE_BYTES = 256 * 1024
HEAD_BYTES = 4096
FIELD_BYTES = 64 * 1024
# Of what surrounds the file in the body.
FORM_BYTES = 1024 * 1024

# The fields that came before the file → how many bytes it may have.
Limit = Callable[[Mapping[str, str]], int]


@dataclass(slots=True)
class Received:
    """A form with one file. ``filename`` and ``declared_type`` are the sender's claims."""

    path: Path
    fields: dict[str, str] = field(default_factory=dict)
    filename: str = ""
    declared_type: str = ""
    byte_count: int = 0
    checksum: str = ""
    head: bytes = b""
    has_file: bool = False


@contextmanager
def spooled() -> Iterator[Path]:
    """A path for a file that is gone at the end, if nobody has moved it."""
    directory: Path = settings.SPOOL_DIR
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = directory / new_uuid()
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


@asynccontextmanager
async def received(
    request: StreamedRequest, *, limit: Limit, file_field: str = "file"
) -> AsyncIterator[Received]:
    """The form of ``request``; its file is gone at the end unless it was moved.

    Raises UploadRefused, UploadTooLarge, ClientLeft.
    """
    with spooled() as path:
        form = Received(path)
        await _Reader(form, limit, file_field).read(request)
        yield form


class _Reader:
    def __init__(self, form: Received, limit: Limit, file_field: str) -> None:
        self._form = form
        self._limit = limit
        self._file_field = file_field
        self._segment: MultipartSegment | None = None
        self._value = bytearray()
        self._pending = bytearray()
        self._digest = hashlib.sha256()
        self._allowed = 0

    async def read(self, request: StreamedRequest) -> None:
        with self._form.path.open("xb") as file:
            try:
                await self._take_all(request, file)
            except BrokenForm as error:
                raise UploadRefused("The upload is incomplete or cannot be read.") from error
            await self._flush(file)
        self._form.checksum = self._digest.hexdigest()

    async def _take_all(self, request: StreamedRequest, file: BinaryIO) -> None:
        with _parser(request) as parser:
            async for chunk in request.incoming.chunks():
                for event in parser.parse(chunk):
                    self._take(event)
                if len(self._pending) >= WRITE_BYTES:
                    await self._flush(file)

    def _take(self, event: MultipartSegment | bytes | bytearray | None) -> None:
        if isinstance(event, MultipartSegment):
            self._begin(event)
        elif event is None:
            self._end()
        elif self._is_file:
            self._add(event)
        else:
            self._value += event
            if len(self._value) > FIELD_BYTES:
                raise UploadRefused("A field of the form is too long.")

    @property
    def _is_file(self) -> bool:
        return self._segment is not None and self._segment.name == self._file_field

    def _begin(self, segment: MultipartSegment) -> None:
        self._segment, self._value = segment, bytearray()
        if not self._is_file:
            return
        if self._form.has_file:
            raise UploadRefused("Upload one file at a time.")
        self._form.has_file = True
        self._form.filename = segment.filename or ""
        self._form.declared_type = segment.content_type or ""
        self._allowed = self._limit(self._form.fields)

    def _add(self, data: bytes | bytearray) -> None:
        self._form.byte_count += len(data)
        if self._form.byte_count > self._allowed:
            raise UploadTooLarge(self._allowed)
        self._pending += data

    def _end(self) -> None:
        if self._segment is not None and not self._is_file:
            text = self._value.decode("utf-8", "replace").replace("\x00", "")
            self._form.fields[self._segment.name or ""] = text

    async def _flush(self, file: BinaryIO) -> None:
        data, self._pending = self._pending, bytearray()
        if not data:
            return
        if len(self._form.head) < HEAD_BYTES:
            self._form.head = (self._form.head + data)[:HEAD_BYTES]
        await in_file_thread(self._write, file, data)

    def _write(self, file: BinaryIO, data: bytearray) -> None:
        self._digest.update(data)
        file.write(data)


def _parser(request: StreamedRequest) -> PushMultipartParser:
    try:
        return form_parser(request.headers.get("Content-Type", ""))
    except BrokenForm as error:
        raise UploadRefused("Expected a form with a file (multipart/form-data).") from error


def announced_bytes(request: StreamedRequest) -> int:
    """What the sender says will come; 0 when it does not say."""
    length = request.headers.get("Content-Length", "")
    return int(length) if length.isascii() and length.isdigit() and len(length) < 19 else 0
