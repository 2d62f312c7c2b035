"""The gate before Django's own handler: whole requests only, and not too many at once.

Django gives each request it works on a thread and a database connection (architecture §5 A1). The
gate reads the body first, so that a slow sender holds neither, and lets STOCK_CONCURRENCY in.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from django.conf import settings

from librechat_backend.lib import json

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Any, Any, Any], Awaitable[None]]

# One byte more than is allowed shows Django that it was too much.
BODY_READ_LIMIT_BYTES = json.BODY_LIMIT_BYTES + 1


class Gate:
    def __init__(self, application: Application) -> None:
        self._application = application
        self._slots = asyncio.Semaphore(settings.STOCK_CONCURRENCY)

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        body = await _read_body(receive)
        if body is None:
            return
        try:
            async with asyncio.timeout(settings.STOCK_QUEUE_SECONDS):
                await self._slots.acquire()
        except TimeoutError:
            await _send_busy(send)
            return
        try:
            await self._application(_with_length(scope, body), _replay(body, receive), send)
        finally:
            self._slots.release()


async def _read_body(receive: Receive) -> bytes | None:
    """None when the client left meanwhile."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if not message.get("more_body") or len(body) > BODY_READ_LIMIT_BYTES:
            return bytes(body[:BODY_READ_LIMIT_BYTES])


def _with_length(scope: dict[str, Any], body: bytes) -> dict[str, Any]:
    """REST framework takes a body for empty whose length was not announced (chunked coding)."""
    headers = [header for header in scope.get("headers", ()) if header[0] != b"content-length"]
    if body:
        headers.append((b"content-length", str(len(body)).encode()))
    return {**scope, "headers": headers}


def _replay(body: bytes, receive: Receive) -> Receive:
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replaying() -> Message:
        if pending:
            return pending.pop()
        # What exceeds the limit still arrives, and Django takes nothing but the end here.
        while (message := await receive())["type"] == "http.request":
            pass
        return message

    return replaying


async def _send_busy(send: Send) -> None:
    headers = [(b"content-type", b"application/json"), (b"retry-after", b"5")]
    body = json.dumps({"message": "The server is busy, please try again in a moment."})
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": body})
