"""A MongoDB that is running. It is only read, by _id, so that a lost cursor is no loss."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from bson import DatetimeMS, Decimal128, ObjectId, Timestamp
from bson.json_util import dumps as to_extended
from bson.json_util import loads as from_extended
from pymongo import MongoClient, ReadPreference
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import AutoReconnect, CursorNotFound, PyMongoError
from pymongo.uri_parser import parse_uri

from librechat_backend.lib.json import JSONDict, JSONValue
from moving.sources.base import Damage, Document, SourceUnreadable
from moving.sources.bson_stream import NotADocument, decode_whole, extended
from moving.sources.dump import NEEDED
from moving.sources.plain import plain

SCHEMES = ("mongodb://", "mongodb+srv://")
BATCH_DOCUMENTS = 500
WAIT, WAIT_MS = "serverSelectionTimeoutMS", 10_000
# A page is asked for again this often, each time from where it came to; then it is gone for good.
TRIES = 5
SYSTEM = "system."
SIZE_BYTES = 4
# Kinds of ids in the order in which MongoDB sorts them, with its names for them.
_KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    ((int, float, Decimal128), "number"),
    (str, "string"),
    (dict, "object"),
    (bytes, "binData"),
    (ObjectId, "objectId"),
    (bool, "bool"),
    ((datetime, DatetimeMS), "date"),
    (Timestamp, "timestamp"),
    (object, "regex"),
)
SYSTEM_DATABASES = {"admin", "config", "local"}


Client = MongoClient[dict[str, Any]]


class MongoSource:
    """``uri`` may hold a password, so it is said nowhere. Raises SourceUnreadable."""

    def __init__(self, uri: str, database: str = "") -> None:
        self._uri = uri
        try:
            with self._connected() as client:
                named = database or str(parse_uri(uri)["database"] or "")
                self._chosen = named or _only_database(client)
                self._sizes = _sizes(self._opened(client))
        except (PyMongoError, ValueError) as error:
            raise SourceUnreadable(f"MongoDB cannot be reached: {_said(error)}") from error
        host = urlsplit(uri).netloc.rpartition("@")[2]
        self.name = f"mongodb://{host}/{self._chosen}"
        self.fingerprint = hashlib.sha256(self.name.encode()).hexdigest()
        self.notes: tuple[str, ...] = ()

    @contextmanager
    def _connected(self) -> Iterator[Client]:
        """A client for each reading: the next one may be in another process."""
        wait: dict[str, Any] = {} if WAIT.lower() in self._uri.lower() else {WAIT: WAIT_MS}
        with MongoClient(self._uri, **wait) as client:
            yield client

    def collections(self) -> Mapping[str, int]:
        return self._sizes

    def read(self, collection: str, after: JSONValue = None) -> Iterator[Document | Damage]:
        if collection not in self._sizes:
            return
        with self._connected() as client:
            yield from self._read(self._opened(client)[collection], _id_at(after))

    def _opened(self, client: Client) -> Database[dict[str, Any]]:
        return client.get_database(self._chosen, read_preference=ReadPreference.SECONDARY_PREFERRED)

    def _read(
        self, collection: Collection[dict[str, Any]], last: Any
    ) -> Iterator[Document | Damage]:
        tries, done = 0, 0
        while True:
            try:
                for data in _page(collection, last):
                    item = _item(data, done := done + 1)
                    last, tries = _id_at(item.position) or last, 0
                    yield item
                return
            except (AutoReconnect, CursorNotFound) as error:
                tries += 1
                if tries == TRIES:
                    raise SourceUnreadable(f"MongoDB went away: {_said(error)}") from error
            except PyMongoError as error:
                raise SourceUnreadable(f"MongoDB refuses to go on: {_said(error)}") from error

    def close(self) -> None:
        """Nothing is kept open."""


def _only_database(client: Client) -> str:
    """Raises SourceUnreadable."""
    names = set(client.list_database_names()) - SYSTEM_DATABASES
    found = [name for name in sorted(names) if set(client[name].list_collection_names()) >= NEEDED]
    if len(found) != 1:
        raise SourceUnreadable(f"Name the database with --db; found: {', '.join(found)}.")
    return found[0]


def _sizes(database: Database[dict[str, Any]]) -> dict[str, int]:
    names = sorted(database.list_collection_names())
    wanted = [name for name in names if not name.startswith(SYSTEM)]
    return {name: database[name].estimated_document_count() for name in wanted}


def _page(collection: Collection[dict[str, Any]], last: Any) -> Iterator[bytes]:
    """Documents behind ``last``, not decoded, so that one that is damaged stops no other."""
    wanted = _behind(last) if last is not None else {}
    found: Any = collection.find_raw_batches(wanted, sort=[("_id", 1)], batch_size=BATCH_DOCUMENTS)
    for batch in found:
        yield from _split(batch)


def _behind(last: Any) -> JSONDict:
    """MongoDB compares ids with those of their own kind only; scripts make ids of other kinds."""
    kinds = [name for _, name in _KINDS]
    own = next(place for place, (kind, _) in enumerate(_KINDS) if isinstance(last, kind))
    later = kinds[own + 1 :]
    return {"$or": [{"_id": {"$gt": last}}, {"_id": {"$type": later}}]}


def is_mongodb(location: str) -> bool:
    return location.startswith(SCHEMES)


def _split(batch: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(batch):
        size = int.from_bytes(batch[start : start + SIZE_BYTES], "little")
        yield batch[start : start + size]
        start += size


def _item(data: bytes, done: int) -> Document | Damage:
    try:
        document, told = decode_whole(data)
    except NotADocument as error:
        return Damage(f"number {done}: {error}", done=done)
    found, repairs = plain(document)
    position, original = _position(document["_id"]), partial(extended, data)
    return Document(found, position, done, len(data), original, (*repairs, *told))


def _position(document_id: Any) -> JSONValue:
    """Nearly all are ObjectIds."""
    if isinstance(document_id, ObjectId):
        return str(document_id)
    return {"id": to_extended(document_id)}


def _id_at(position: JSONValue) -> Any:
    if isinstance(position, str):
        return ObjectId(position)
    return from_extended(position["id"]) if position else None


def _said(error: Exception) -> str:
    """The first line; the rest are the states of all servers."""
    return str(error).partition(",")[0].partition("\n")[0]
