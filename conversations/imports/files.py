"""What was uploaded: JSON, lines of JSON, or an archive of ChatGPT, Claude or this server.

Nothing is unpacked onto the disk, so names in an archive lead nowhere. Pure.
"""

import re
import zipfile
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from conversations.imports.librechat import OWN_FORMAT
from conversations.imports.reading import Broken

ENTRIES_MAX = 200_000
MANIFEST, MANIFEST_MAX = "manifest.json", 64 * 1024
PREFIX = b"PK\x03\x04"
EMPTY_PREFIX = b"PK\x05\x06"

_CHATS = re.compile(r"conversations[^/\\]*\.(json|ndjson|jsonl)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ChatFile:
    """``size`` in bytes, when read; ``name`` for people, empty for the upload itself."""

    name: str
    size: int
    open: Callable[[], IO[bytes]]


def chat_files(path: Path, *, unpacked_max: int) -> list[ChatFile]:
    """The files with chats in the upload at ``path``. Raises Broken, OSError."""
    with path.open("rb") as file:
        prefix = file.read(len(PREFIX))
    if prefix in (PREFIX, EMPTY_PREFIX):
        return _packed(path, unpacked_max)
    return [ChatFile("", path.stat().st_size, lambda: path.open("rb"))]


def own_files(path: Path, names: Iterable[str], *, size_max: int) -> dict[str, ChatFile]:
    """Those of ``names`` that are in an archive of this server, by their names; else nothing.

    Raises OSError.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            manifest = archive.read(MANIFEST) if _size(archive, MANIFEST) < MANIFEST_MAX else b""
            entries = {entry.filename: entry for entry in archive.infolist()}
    except (zipfile.BadZipFile, NotImplementedError, ValueError, KeyError, RuntimeError):
        return {}
    if OWN_FORMAT.encode() not in manifest:
        return {}
    return {
        name: ChatFile(name, entries[name].file_size, _opener(path, entries[name]))
        for name in names
        if name in entries and 0 < entries[name].file_size <= size_max
    }


def _size(archive: zipfile.ZipFile, name: str) -> int:
    return archive.getinfo(name).file_size


def _packed(path: Path, unpacked_max: int) -> list[ChatFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise Broken("The archive is damaged.") from error
    if len(entries) > ENTRIES_MAX:
        raise Broken("There are too many files in the archive.")
    return [
        ChatFile(_base_name(entry.filename), entry.file_size, _opener(path, entry))
        for entry in _chosen(entries, unpacked_max)
        # Lines may be none; a list must at least say that it is empty.
        if entry.file_size or entry.filename.lower().endswith(".json")
    ]


def _chosen(entries: list[zipfile.ZipInfo], unpacked_max: int) -> list[zipfile.ZipInfo]:
    chosen = [entry for entry in entries if _CHATS.fullmatch(_base_name(entry.filename))]
    if not chosen:
        raise Broken("There is no conversations.json in the archive.")
    if any(entry.flag_bits & 1 for entry in chosen):
        raise Broken("The archive is encrypted.")
    if sum(entry.file_size for entry in chosen) > unpacked_max:
        raise Broken("What is in the archive is too large.")
    return sorted(chosen, key=lambda entry: entry.filename)


def _base_name(name: str) -> str:
    return re.split(r"[/\\]", name)[-1]


def _opener(path: Path, entry: zipfile.ZipInfo) -> Callable[[], IO[bytes]]:
    def open_entry() -> IO[bytes]:
        return _Entry(path, entry)  # type: ignore[return-value]

    return open_entry


class _Entry:
    """One file of an archive, which says Broken and never more than it announced."""

    def __init__(self, path: Path, entry: zipfile.ZipInfo) -> None:
        try:
            self._archive = zipfile.ZipFile(path)
            self._file = self._archive.open(entry)
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
            raise Broken("The archive is damaged.") from error
        self._left = entry.file_size

    def read(self, size: int) -> bytes:
        try:
            data = self._file.read(size)
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise Broken("The archive is damaged.") from error
        self._left -= len(data)
        if self._left < 0:
            raise Broken("The archive is damaged.")
        return data

    def __enter__(self) -> "_Entry":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._archive.close()
