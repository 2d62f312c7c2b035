"""A directory as mongodump writes it."""

import gzip
import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, cast
from urllib.parse import unquote

from librechat_backend.lib.json import JSONValue
from moving.sources.base import Damage, Document, SourceUnreadable
from moving.sources.bson_stream import Stream

ENDINGS = (".bson", ".bson.gz")
NEEDED = {"users", "conversations"}  # by these the right one of several databases is known
OPLOG = "oplog.bson"


class DumpSource:
    """``directory`` is that of one database, or of several."""

    def __init__(self, directory: Path, database: str = "") -> None:
        self._directory = choose_database(directory, database)
        self._files = {_collection(path): path for path in _dumped(self._directory)}
        self.name = str(self._directory)
        self.database = self._directory.name
        self.fingerprint = fingerprint(list(self._files.values()))
        self.notes: tuple[str, ...] = ()
        if (directory / OPLOG).exists():
            self.notes = ("oplog.bson is not replayed: what it holds is missing.",)

    def collections(self) -> Mapping[str, int]:
        return {name: path.stat().st_size for name, path in self._files.items()}

    def read(self, collection: str, after: JSONValue = None) -> Iterator[Document | Damage]:
        path = self._files.get(collection)
        if path is None:
            return
        with path.open("rb") as raw:
            if path.suffix == ".gz":
                packed = cast(BinaryIO, gzip.GzipFile(fileobj=raw))
                yield from Stream(packed, raw).read(after or 0)
            else:
                yield from Stream(raw).read(after or 0)

    def close(self) -> None:
        """Nothing is kept open."""


def choose_database(directory: Path, database: str) -> Path:
    """The directory of the database. Raises SourceUnreadable."""
    if database:
        chosen = directory / database
        if not chosen.is_dir():
            raise SourceUnreadable(f"{directory} holds no database called {database}.")
        return chosen
    if any(_dumped(directory)):
        return directory
    found = [each for each in sorted(directory.iterdir()) if each.is_dir() and _is_whole(each)]
    if len(found) > 1:
        names = ", ".join(each.name for each in found)
        raise SourceUnreadable(f"Several databases could be meant: {names}. Name one with --db.")
    if not found:
        raise SourceUnreadable(f"{directory} holds no dump of LibreChat's database.")
    return found[0]


def fingerprint(files: list[Path]) -> str:
    """Another one when a file was replaced."""
    facts = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in sorted(files)]
    return hashlib.sha256(repr(facts).encode()).hexdigest()


def _is_whole(directory: Path) -> bool:
    return {_collection(path) for path in _dumped(directory)} >= NEEDED


def _dumped(directory: Path) -> Iterator[Path]:
    return (
        path
        for path in sorted(directory.iterdir())
        if path.name.endswith(ENDINGS) and path.name != OPLOG
    )


def _collection(path: Path) -> str:
    """Special characters are percent-encoded in names of files."""
    return unquote(path.name.removesuffix(".gz").removesuffix(".bson"))
