"""One file as ``mongodump --archive`` writes it."""

import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, cast

from librechat_backend.lib.json import JSONDict
from moving.targets.bson_documents import encode, encode_header, metadata
from moving.targets.crc64 import CRC64
from moving.targets.directory import PACKED_LEVEL

MAGIC = bytes.fromhex("6de29981")
TERMINATOR = b"\xff\xff\xff\xff"
BLOCK_BYTES = 1024 * 1024
_VERSIONS = {"version": "0.1", "server_version": "7.0.0", "tool_version": "100.9.0"}


class ArchiveTarget:
    """Collections follow each other; mongodump would mix them, which no reader may rely on."""

    def __init__(self, path: Path, database: str, *, is_packed: bool) -> None:
        self._database = database
        self._file = (
            cast(BinaryIO, gzip.open(path, "xb", compresslevel=PACKED_LEVEL))
            if is_packed
            else path.open("xb")
        )
        self._block = bytearray()
        self._crc = CRC64()

    def begin(self, collections: Sequence[str]) -> None:
        self._file.write(MAGIC)
        self._file.write(encode_header({"concurrent_collections": 1, **_VERSIONS}))
        for name in collections:
            about = {"metadata": metadata(name), "size": 0, "type": "collection"}
            self._file.write(encode_header({"db": self._database, "collection": name, **about}))
        self._file.write(TERMINATOR)

    def write(self, collection: str, document: JSONDict) -> None:
        self._block += encode(document)
        if len(self._block) >= BLOCK_BYTES:
            self._flush(collection)

    def end(self, collection: str) -> None:
        self._flush(collection)
        self._file.write(self._header(collection, is_end=True, crc=self._crc.signed()))
        self._file.write(TERMINATOR)
        self._crc = CRC64()

    def close(self) -> None:
        self._file.close()

    def _flush(self, collection: str) -> None:
        if not self._block:
            return
        self._file.write(self._header(collection, is_end=False, crc=0))
        self._file.write(self._block)
        self._file.write(TERMINATOR)
        self._crc.update(bytes(self._block))
        self._block.clear()

    def _header(self, collection: str, *, is_end: bool, crc: int) -> bytes:
        about = {"db": self._database, "collection": collection, "EOF": is_end}
        return encode_header(about, crc=crc)
