"""An old database, written as the tools of MongoDB write it."""

import gzip
import json
from pathlib import Path
from typing import Any

import bson
from bson.json_util import JSONOptions
from bson.json_util import dumps as to_extended

from tests.moving.librechat_database import OldDatabase

DATABASE = "LibreChat"


def write_dump(directory: Path, old: OldDatabase, *, is_packed: bool = False) -> Path:
    """As ``mongodump --out``; the directory that was named there."""
    target = directory / DATABASE
    target.mkdir(parents=True)
    for name, documents in old.collections().items():
        with _opened(target / f"{name}.bson", is_packed) as file:
            for document in documents():
                file.write(bson.encode(document))
        with _opened(target / f"{name}.metadata.json", is_packed) as file:
            file.write(json.dumps({"indexes": [], "collectionName": name}).encode())
    return directory


def _opened(path: Path, is_packed: bool) -> Any:
    return gzip.open(f"{path}.gz", "wb", compresslevel=1) if is_packed else path.open("wb")


def write_archive(path: Path, old: OldDatabase, *, is_packed: bool = False) -> Path:
    """As ``mongodump --archive``, with blocks of several collections between each other."""
    collections = {name: list(make()) for name, make in old.collections().items()}
    head = {"version": "0.1", "server_version": "7.0.5", "concurrent_collections": len(collections)}
    with gzip.open(path, "wb") if is_packed else path.open("wb") as file:
        file.write(bytes.fromhex("6de29981") + bson.encode(head))
        for name in collections:
            about = {"db": DATABASE, "collection": name, "metadata": "{}", "size": 0, "type": ""}
            file.write(bson.encode(about))
        file.write(TERMINATOR)
        for start in range(0, max(map(len, collections.values())), BLOCK):
            for name, documents in collections.items():
                _write_block(file, name, documents[start : start + BLOCK])
        for name, documents in collections.items():
            total = slow_sum(b"".join(map(bson.encode, documents)))
            file.write(bson.encode(_block_head(name, is_end=True, total=total)) + TERMINATOR)
    return path


TERMINATOR, BLOCK = b"\xff\xff\xff\xff", 5


def _write_block(file: Any, name: str, documents: list[dict[str, Any]]) -> None:
    if documents:
        file.write(bson.encode(_block_head(name, is_end=False)))
        file.writelines(bson.encode(document) for document in documents)
        file.write(TERMINATOR)


def _block_head(name: str, *, is_end: bool, total: int = 0) -> dict[str, Any]:
    return {"db": DATABASE, "collection": name, "EOF": is_end, "CRC": bson.Int64(total)}


def slow_sum(data: bytes) -> int:
    """CRC-64 of ECMA 182, reflected, bit by bit; as an int64."""
    value = 2**64 - 1
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ (0xC96C5795D7870F42 if value & 1 else 0)
    value ^= 2**64 - 1
    return value - 2**64 if value >> 63 else value


def write_export(directory: Path, old: OldDatabase, *, mode: int, as_array: bool) -> Path:
    """As ``mongoexport``, a file each."""
    directory.mkdir()
    options = JSONOptions(json_mode=mode)
    for name, documents in old.collections().items():
        lines = [to_extended(document, json_options=options) for document in documents()]
        text = "\ufeff[" + ",\n".join(lines) + "]" if as_array else "\n".join(lines)
        (directory / f"{name}.json").write_text(text, encoding="utf-8")
    return directory


def write_kept(directory: Path, old: OldDatabase) -> Path:
    """The directory of the old server, with the bytes of its files."""
    for name, data in old.kept().items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return directory
