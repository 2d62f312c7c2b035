"""A MongoDB, as far as reading goes: the wire protocol's OP_MSG over a real socket.

It can lose its cursors and drop its connections in the middle, as real ones do.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import bson
from bson import ObjectId

from tests.moving.librechat_database import OldDatabase

DATABASE = "LibreChat"
OP_MSG, OP_REPLY, OP_QUERY = 2013, 1, 2004
HEADER = struct.Struct("<iiii")
CURSOR_NOT_FOUND = {"ok": 0.0, "code": 43, "codeName": "CursorNotFound", "errmsg": "cursor gone"}
HELLO = {
    "ismaster": True,
    "isWritablePrimary": True,
    "helloOk": True,
    "maxBsonObjectSize": 16 * 1024 * 1024,
    "maxMessageSizeBytes": 48_000_000,
    "maxWriteBatchSize": 100_000,
    "minWireVersion": 0,
    "maxWireVersion": 21,
    "readOnly": True,
    "ok": 1.0,
}


class MongoServer:
    """``cursors_die`` and ``drops``: how often the next continuation fails in that way.

    ``is_away``: nothing is answered any more.
    """

    def __init__(self, old: OldDatabase) -> None:
        self.cursors_die = 0
        self.drops = 0
        self.is_away = False
        self.batch = 7
        self._old = old.collections()
        self._documents: dict[str, list[dict[str, Any]]] = {}
        self._cursors: dict[int, tuple[str, list[dict[str, Any]]]] = {}
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.uri = f"mongodb://127.0.0.1:{self._listener.getsockname()[1]}/{DATABASE}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError, _Dropped):
            while head := _exactly(connection, HEADER.size):
                size, request_id, _, kind = HEADER.unpack(head)
                body = _exactly(connection, size - HEADER.size)
                connection.sendall(self._reply(kind, request_id, body))

    def _reply(self, kind: int, request_id: int, body: bytes) -> bytes:
        if kind == OP_QUERY:  # the first words of each connection
            document = bson.encode(HELLO)
            payload = struct.pack("<iqii", 8, 0, 0, 1) + document
            return HEADER.pack(HEADER.size + len(payload), 0, request_id, OP_REPLY) + payload
        command = bson.decode(body[5:])  # flags, and the kind of the only section
        payload = b"\0\0\0\0\0" + bson.encode(self._answer(command))
        return HEADER.pack(HEADER.size + len(payload), 0, request_id, OP_MSG) + payload

    def _answer(self, command: dict[str, Any]) -> dict[str, Any]:
        if self.is_away:
            raise _Dropped
        name = next(iter(command))
        answer = getattr(self, f"_{name.lower()}", None)
        return answer(command) if answer else HELLO

    def _listcollections(self, command: dict[str, Any]) -> dict[str, Any]:
        found = [{"name": name, "type": "collection"} for name in self._old]
        return _first(f"{DATABASE}.$cmd.listCollections", found, 0)

    def _listdatabases(self, command: dict[str, Any]) -> dict[str, Any]:
        return {"databases": [{"name": DATABASE}, {"name": "admin"}], "ok": 1.0}

    def _count(self, command: dict[str, Any]) -> dict[str, Any]:
        return {"n": len(self._all(command["count"])), "ok": 1.0}

    def _find(self, command: dict[str, Any]) -> dict[str, Any]:
        ways = command.get("filter", {}).get("$or", [])
        found = self._all(command["find"])
        if ways:
            found = [each for each in found if any(_is_in(each["_id"], way["_id"]) for way in ways)]
        number = len(self._cursors) + 1
        self._cursors[number] = (command["find"], found[self.batch :])
        rest = number if found[self.batch :] else 0
        return _first(f"{DATABASE}.{command['find']}", found[: self.batch], rest)

    def _getmore(self, command: dict[str, Any]) -> dict[str, Any]:
        if self.drops:
            self.drops -= 1
            raise _Dropped
        number = command["getMore"]
        if self.cursors_die:
            self.cursors_die -= 1
            self._cursors.pop(number, None)
        if number not in self._cursors:
            return CURSOR_NOT_FOUND
        name, rest = self._cursors[number]
        self._cursors[number] = (name, rest[self.batch :])
        left = number if rest[self.batch :] else 0
        cursor = {"id": bson.Int64(left), "ns": f"{DATABASE}.{name}"}
        return {"cursor": {**cursor, "nextBatch": rest[: self.batch]}, "ok": 1.0}

    def _all(self, name: str) -> list[dict[str, Any]]:
        if name not in self._documents:
            documents = list(self._old[name]())
            self._documents[name] = sorted(documents, key=lambda each: _rank(each["_id"]))
        return self._documents[name]


KINDS = {int: "number", str: "string", ObjectId: "objectId"}


def _rank(value: Any) -> tuple[int, Any]:
    """MongoDB sorts by kinds first."""
    return list(KINDS).index(type(value)), value


def _is_in(value: Any, wanted: dict[str, Any]) -> bool:
    """``$gt`` finds only what is of the same kind."""
    if "$type" in wanted:
        return KINDS[type(value)] in wanted["$type"]
    after = wanted["$gt"]
    return type(value) is type(after) and _rank(value) > _rank(after)


class _Dropped(Exception):
    """The connection ends without a word."""


def _first(namespace: str, found: list[dict[str, Any]], number: int) -> dict[str, Any]:
    cursor = {"id": bson.Int64(number), "ns": namespace, "firstBatch": found}
    return {"cursor": cursor, "ok": 1.0}


def _exactly(connection: socket.socket, size: int) -> bytes:
    """Nothing at the end of a connection."""
    data = b""
    while len(data) < size:
        more = connection.recv(size - len(data))
        if not more:
            return b""
        data += more
    return data


@contextmanager
def mongo_server(old: OldDatabase) -> Iterator[MongoServer]:
    server = MongoServer(old)
    try:
        yield server
    finally:
        server.close()
