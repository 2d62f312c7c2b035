"""Heads of requests that have no end, against a live server."""

import asyncio
import contextlib
import socket
import time
from collections.abc import Iterator

import httpx
import pytest

from librechat_backend.http_protocol import JOINED_BYTES, JoinedWrites
from tests.live import LiveServer, live_server

pytestmark = pytest.mark.one_database

PIECE = b"a" * 65536
PIECES = 256  # more than sockets keep for a server that is slow


@pytest.fixture(scope="module")
def server() -> Iterator[LiveServer]:
    with live_server(env={"DATABASE_URL": "", "REDIS_URL": ""}) as server:
        yield server


def answer_to(server: LiveServer, head: bytes, piece: bytes) -> bytes:
    """The answer to ``head`` with 16 MB behind it; empty when it was lost in the closing."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(head)
            for _ in range(PIECES):
                connection.sendall(piece)
            pytest.fail("the server read everything")
        with contextlib.suppress(ConnectionError):
            return connection.recv(1000)
    return b""


@pytest.mark.parametrize(
    ("head", "piece"),
    [
        (b"GET /livez?", PIECE),
        (b"GET /livez HTTP/1.1\r\nX: ", PIECE),
        (b"GET /livez HTTP/1.1\r\n", b"X: a\r\n" * 10_000),
        (b"POST /livez HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2;", PIECE),
        (b"POST /livez HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X: a\r\n" * 10_000),
    ],
    ids=["url", "header", "headers", "chunk extension", "trailers"],
)
def test_connection_is_closed_when_a_head_has_no_end(
    server: LiveServer, head: bytes, piece: bytes
) -> None:
    answer = answer_to(server, head, piece)
    assert answer == b"" or answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 200 "))
    assert httpx.get(f"{server.base_url}/livez", timeout=2).status_code == 200


def test_long_cookies_and_bodies_pass(server: LiveServer) -> None:
    with httpx.Client(base_url=server.base_url) as client:
        for _ in range(20):
            client.cookies.clear()
            cookie = {"Cookie": "a=" + "b" * 8000}
            assert client.get("/api/banner", headers=cookie).status_code == 200
            body = {"email": "a@example.com", "password": "x" * 100_000}
            assert client.post("/api/auth/login", json=body).status_code != 400


@pytest.fixture(scope="module")
def impatient() -> Iterator[LiveServer]:
    env = {"DATABASE_URL": "", "REDIS_URL": "", "REQUEST_HEAD_SECONDS": "1"}
    with live_server(env=env) as server:
        yield server


@pytest.mark.parametrize(
    ("opening", "drip"),
    [
        (b"", b""),
        (b"", b"\r\n"),
        (b"GET /livez HT", b""),
        (b"GET /livez HTTP/1.1\r\n", b"X: a\r\n"),
        (b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", b"G"),
        (b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", b"\r\n"),
    ],
    ids=["silence", "empty lines", "half a line", "headers", "second head", "lines behind"],
)
def test_connection_is_closed_when_a_head_takes_too_long(
    impatient: LiveServer, opening: bytes, drip: bytes
) -> None:
    with socket.create_connection(("127.0.0.1", impatient.port), timeout=0.2) as connection:
        connection.sendall(opening)
        for _ in range(40):  # 8 s at most
            try:
                if drip:
                    connection.sendall(drip)
                if connection.recv(1000) == b"":
                    return
            except TimeoutError:
                continue
            except ConnectionError:
                return
    pytest.fail("the server waits for ever")


def test_slow_bodies_and_late_second_requests_pass(impatient: LiveServer) -> None:
    head = b"POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    with socket.create_connection(("127.0.0.1", impatient.port), timeout=5) as connection:
        for _ in range(2):
            connection.sendall(head + b"Content-Length: 2\r\n\r\n{")
            time.sleep(1.3)
            connection.sendall(b"}")
            answer = b""
            while not answer.endswith(b'"}'):
                answer += connection.recv(20000)
            assert answer.startswith(b"HTTP/1.1 4")
            time.sleep(1.3)


def test_head_and_body_of_a_short_answer_are_one_packet(server: LiveServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = connection.recv(10_000)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert body


class Wire:
    """A transport that keeps what it is given."""

    def __init__(self) -> None:
        self.packets: list[bytes] = []
        self.is_closed = False

    def write(self, data: bytes) -> None:
        assert not self.is_closed
        self.packets.append(bytes(data))

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.is_closed = True


async def test_writes_of_one_turn_leave_together_and_in_order() -> None:
    wire = Wire()
    joined = JoinedWrites(wire, asyncio.get_running_loop())  # type: ignore[arg-type]
    for word in (b"one ", b"two ", b"three"):
        joined.write(word)
    assert wire.packets == []
    await asyncio.sleep(0)
    joined.write(b"four")
    await asyncio.sleep(0)
    assert wire.packets == [b"one two three", b"four"]


async def test_much_leaves_at_once_and_all_before_the_end() -> None:
    wire = Wire()
    joined = JoinedWrites(wire, asyncio.get_running_loop())  # type: ignore[arg-type]
    joined.write(b"a" * (JOINED_BYTES + 1))
    assert len(wire.packets) == 1
    joined.write(b"last")
    joined.close()
    await asyncio.sleep(0)
    assert wire.packets[1:] == [b"last"]
    assert wire.is_closed
