"""A directory as mongodump writes it."""

import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, cast

from librechat_backend.lib.json import JSONDict
from moving.targets.bson_documents import encode, metadata

PACKED_LEVEL = 6


class DirectoryTarget:
    """``directory`` is made; it may hold nothing yet."""

    def __init__(self, directory: Path, database: str, *, is_packed: bool) -> None:
        self._directory = directory / database
        self._is_packed = is_packed
        self._file: BinaryIO | None = None

    def begin(self, collections: Sequence[str]) -> None:
        self._directory.mkdir(parents=True)
        for name in collections:
            with self._opened(f"{name}.metadata.json") as file:
                file.write(metadata(name).encode())
            with self._opened(f"{name}.bson"):
                pass

    def write(self, collection: str, document: JSONDict) -> None:
        data = encode(document)
        if self._file is None:
            self._file = self._opened(f"{collection}.bson")
        self._file.write(data)

    def end(self, collection: str) -> None:
        self.close()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _opened(self, name: str) -> BinaryIO:
        if not self._is_packed:
            return (self._directory / name).open("wb")
        path = self._directory / f"{name}.gz"
        return cast(BinaryIO, gzip.open(path, "wb", compresslevel=PACKED_LEVEL))
