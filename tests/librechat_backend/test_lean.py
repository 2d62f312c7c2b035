"""The short way for hot routes, without a server: who leaves frees everything."""

import asyncio
import gc
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path

from librechat_backend.lean import LeanHandler
from librechat_backend.lib.errors import NotFound
from librechat_backend.lib.json import BODY_LIMIT_BYTES

SCOPE: dict[str, Any] = {
    "type": "http", "method": "POST", "path": "/view", "query_string": b"", "headers": [],
}  # fmt: skip


class Client:
    """``reads`` False: takes what fits into the buffers, which is the first message."""

    def __init__(self, *messages: dict[str, Any], reads: bool = True) -> None:
        self.messages = asyncio.Queue[dict[str, Any]]()
        self.sent: list[dict[str, Any]] = []
        self._reads = reads
        for message in messages or ({"type": "http.request", "body": b"", "more_body": False},):
            self.messages.put_nowait(message)

    def leave(self) -> None:
        self.messages.put_nowait({"type": "http.disconnect"})

    async def receive(self) -> dict[str, Any]:
        return await self.messages.get()

    async def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)
        if not self._reads and len(self.sent) > 2:
            await asyncio.Event().wait()


class Endless:
    """A stream, and whether it is open."""

    def __init__(self, pause_seconds: float = 0) -> None:
        self.is_open = False
        self._pause_seconds = pause_seconds

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        self.is_open = True
        try:
            while True:
                yield b"x"
                await asyncio.sleep(self._pause_seconds)
        finally:
            self.is_open = False


def handler(view: Any) -> LeanHandler:
    return LeanHandler([path("view", view)])


async def ends(task: asyncio.Task[None]) -> None:
    await asyncio.wait_for(task, 2)


@pytest.mark.parametrize("reads", [True, False])
async def test_a_stream_is_closed_when_its_reader_leaves(reads: bool) -> None:
    stream, before = Endless(), asyncio.all_tasks()

    async def view(request: HttpRequest) -> StreamingHttpResponse:
        return StreamingHttpResponse(stream.chunks())

    client = Client(reads=reads)
    answering = asyncio.create_task(handler(view)(SCOPE, client.receive, client.send))
    await asyncio.sleep(0.02)
    was_open = stream.is_open
    client.leave()
    await ends(answering)
    gc.collect()
    await asyncio.sleep(0)
    assert (was_open, stream.is_open) == (True, False)
    assert asyncio.all_tasks() == before


async def test_no_more_is_made_than_a_slow_reader_takes() -> None:
    stream = Endless()

    async def view(request: HttpRequest) -> StreamingHttpResponse:
        return StreamingHttpResponse(stream.chunks())

    client = Client(reads=False)
    answering = asyncio.create_task(handler(view)(SCOPE, client.receive, client.send))
    await asyncio.sleep(0.05)
    assert len(client.sent) == 3
    client.leave()
    await ends(answering)


async def test_the_view_is_cancelled_when_the_client_leaves_before_the_first_byte() -> None:
    before, cancelled = asyncio.all_tasks(), asyncio.Event()

    async def view(request: HttpRequest) -> HttpResponse:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return HttpResponse()

    client = Client()
    answering = asyncio.create_task(handler(view)(SCOPE, client.receive, client.send))
    await asyncio.sleep(0.01)
    client.leave()
    await ends(answering)
    assert cancelled.is_set()
    assert client.sent == []
    assert asyncio.all_tasks() == before


async def test_no_view_runs_when_the_client_leaves_in_its_body() -> None:
    async def view(request: HttpRequest) -> HttpResponse:
        raise AssertionError("called")

    begun = {"type": "http.request", "body": b"{", "more_body": True}
    client = Client(begun, {"type": "http.disconnect"})
    await handler(view)(SCOPE, client.receive, client.send)
    assert client.sent == []


async def test_the_body_arrives_whole_when_it_comes_in_pieces() -> None:
    async def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(request.body)

    pieces = [{"type": "http.request", "body": b"%d" % n, "more_body": n < 9} for n in range(10)]
    client = Client(*pieces)
    await handler(view)(SCOPE, client.receive, client.send)
    assert (client.sent[0]["status"], client.sent[1]["body"]) == (200, b"0123456789")


async def test_little_more_than_the_limit_is_read_when_a_body_has_no_end() -> None:
    async def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(str(len(request.body)))

    piece = {"type": "http.request", "body": b"x" * (BODY_LIMIT_BYTES // 2), "more_body": True}
    client = Client(*[piece] * 20)
    await handler(view)(SCOPE, client.receive, client.send)
    assert int(client.sent[1]["body"]) <= 2 * BODY_LIMIT_BYTES


@pytest.mark.parametrize(
    ("error", "status"), [(NotFound("Nothing here"), 404), (RuntimeError("broken"), 500)]
)
async def test_an_error_is_answered_and_tells_no_secret(error: Exception, status: int) -> None:
    async def view(request: HttpRequest) -> HttpResponse:
        raise error

    client = Client()
    await handler(view)(SCOPE, client.receive, client.send)
    assert client.sent[0]["status"] == status
    assert b"broken" not in client.sent[1]["body"]


async def test_a_stream_that_breaks_is_cut_and_not_ended() -> None:
    """A clean end without a last event would leave the client waiting (contract 02 §3.2)."""

    async def chunks() -> AsyncGenerator[bytes, None]:
        yield b"x"
        raise RuntimeError("broken")

    async def view(request: HttpRequest) -> StreamingHttpResponse:
        return StreamingHttpResponse(chunks())

    client = Client()
    with pytest.raises(RuntimeError):
        await handler(view)(SCOPE, client.receive, client.send)
    assert client.sent[-1]["more_body"] is True
