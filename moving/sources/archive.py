"""A file as ``mongodump --archive`` writes it: documents of all collections, interleaved.

It is taken apart into files of one collection each, for documents have to be read in another order
than they come. What was taken apart is used again when the move goes on.
"""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, cast
from urllib.parse import quote
from zlib import error as ZlibError

from librechat_backend.lib.json import JSONValue, dumps, loads
from moving.sources.base import DOCUMENT_BYTES_MAX, Damage, Document, SourceUnreadable
from moving.sources.bson_stream import NotADocument, decode
from moving.sources.dump import DumpSource, fingerprint
from moving.targets.crc64 import CRC64

MAGIC = bytes.fromhex("6de29981")
PACKED = bytes.fromhex("1f8b")
TERMINATOR = b"\xff\xff\xff\xff"
SIZE_BYTES = 4
CONTENTS = "contents.json"
WRONG_SUM = "its sum is another one than the archive says: something in it was changed"
CUT_OFF = "the archive ends too early, or is damaged; what stood behind is missing"


class ArchiveSource:
    """``spool`` is a directory for what was taken apart."""

    def __init__(self, path: Path, spool: Path, database: str = "") -> None:
        self.name = str(path)
        self.fingerprint = fingerprint([path])
        self._spool = spool / self.fingerprint[:32]
        if not (self._spool / CONTENTS).exists():
            shutil.rmtree(self._spool, ignore_errors=True)
            self._take_apart(path)
        contents = loads((self._spool / CONTENTS).read_bytes())
        self._problem: str = contents["problem"]
        self._ended: set[str] = set(contents["ended"])
        self._wrong: set[str] = set(contents["wrong"])
        self.notes: tuple[str, ...] = (f"{path}: {self._problem}.",) if self._problem else ()
        self._dump = DumpSource(self._spool, database)

    def _take_apart(self, path: Path) -> None:
        """Raises SourceUnreadable, and leaves nothing behind, where there is no room for it."""
        try:
            _Unpacking(self._spool).run(path)
        except OSError as error:
            shutil.rmtree(self._spool, ignore_errors=True)
            where = f"{path} cannot be taken apart in {self._spool.parent}"
            raise SourceUnreadable(f"{where}: {error.strerror or error}.") from error

    def collections(self) -> Mapping[str, int]:
        return self._dump.collections()

    def read(self, collection: str, after: JSONValue = None) -> Iterator[Document | Damage]:
        """What may be missing is said at the end of a collection that has none in the archive."""
        yield from self._dump.read(collection, after)
        name = f"{self._dump.database}.{collection}"
        is_whole = name in self._ended
        if name in self._wrong:
            yield Damage(WRONG_SUM)
        if self._problem and not is_whole and collection in self._dump.collections():
            yield Damage(self._problem)

    def close(self) -> None:
        """What was taken apart is not needed any more."""
        shutil.rmtree(self._spool, ignore_errors=True)


def is_archive(path: Path) -> bool:
    """By its first bytes, packed or not."""
    with path.open("rb") as raw:
        try:
            return _unzipped(raw).read(SIZE_BYTES) == MAGIC
        except (OSError, EOFError, ZlibError):
            return False


def _unzipped(raw: BinaryIO) -> BinaryIO:
    is_packed = raw.read(len(PACKED)) == PACKED
    raw.seek(0)
    return cast(BinaryIO, gzip.GzipFile(fileobj=raw)) if is_packed else raw


class _Unpacking:
    def __init__(self, spool: Path) -> None:
        self._spool = spool
        self._files: dict[str, BinaryIO] = {}
        self._ended: list[str] = []
        self._wrong: list[str] = []
        self._sums: dict[str, CRC64] = {}

    def run(self, path: Path) -> None:
        """``contents.json`` comes last: without it, nothing was taken apart."""
        self._spool.mkdir(mode=0o700, parents=True)
        problem = ""
        with path.open("rb") as raw:
            try:
                self._read(_unzipped(raw))
            except (NotADocument, OSError, EOFError, ZlibError):
                problem = CUT_OFF
            finally:
                for file in self._files.values():
                    file.close()
        contents = {"problem": problem, "ended": self._ended, "wrong": self._wrong}
        (self._spool / CONTENTS).write_bytes(dumps(contents))

    def _read(self, file: BinaryIO) -> None:
        file.read(SIZE_BYTES)
        _document(file)  # of the archive as a whole
        while (data := _document(file)) is not None:
            self._open(decode(data))
        while (head := _document(file, may_end=True)) is not None:
            self._block(file, decode(head))

    def _block(self, file: BinaryIO, head: dict[str, Any]) -> None:
        """Documents of one collection, up to the next terminator. Raises NotADocument."""
        target, name = self._open(head), _name(head)
        total = self._sums.setdefault(name, CRC64())
        while (data := _document(file)) is not None:
            target.write(data)
            total.update(data)
        if head.get("EOF"):
            self._ended.append(name)
            if head.get("CRC") not in (None, total.signed()):
                self._wrong.append(name)

    def _open(self, head: dict[str, Any]) -> BinaryIO:
        name = _name(head)
        if name not in self._files:
            directory = self._spool / quote(str(head.get("db", "")), safe="")
            directory.mkdir(exist_ok=True)
            file = f"{quote(str(head.get('collection', '')), safe='')}.bson"
            self._files[name] = (directory / file).open("wb")
        return self._files[name]


def _name(head: dict[str, Any]) -> str:
    return f"{head.get('db')}.{head.get('collection')}"


def _document(file: BinaryIO, *, may_end: bool = False) -> bytes | None:
    """The bytes of the next document; None at a terminator. Raises NotADocument."""
    head = file.read(SIZE_BYTES)
    if head == TERMINATOR or (not head and may_end):
        return None
    size = int.from_bytes(head, "little", signed=True)
    if len(head) < SIZE_BYTES or not SIZE_BYTES < size <= DOCUMENT_BYTES_MAX:
        raise NotADocument("no document begins here")
    body = file.read(size - SIZE_BYTES)
    if len(body) < size - SIZE_BYTES:
        raise NotADocument("a document is cut off")
    return head + body
