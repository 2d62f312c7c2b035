"""Bodies of requests that are larger than memory should hold (lean path only)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

from django.core.handlers.asgi import ASGIRequest

from librechat_backend.lib import json
from librechat_backend.lib.errors import AppError, TooLarge

# A sender that is silent for longer has gone, or wants to hold us up.
SILENCE_SECONDS = 60.0

Receive = Callable[[], Awaitable[dict[str, Any]]]
View = TypeVar("View", bound=Callable[..., Awaitable[Any]])


class ClientLeft(Exception):
    """The connection closed while its body was awaited."""


class IncomingBody:
    """The chunks of a body as they arrive; who reads slowly slows the sender down.

    ``ended`` is set when nothing more will be read.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.ended = asyncio.Event()

    async def chunks(self) -> AsyncIterator[bytes]:
        """Raises ClientLeft, and AppError 408 after SILENCE_SECONDS without a byte."""
        while not self.ended.is_set():
            message = await self._next()
            if message["type"] == "http.disconnect":
                raise ClientLeft
            if not message.get("more_body"):
                self.ended.set()
            if chunk := message.get("body", b""):
                yield chunk

    async def _next(self) -> dict[str, Any]:
        try:
            async with asyncio.timeout(SILENCE_SECONDS):
                return await self._receive()
        except TimeoutError as error:
            raise AppError("The upload stopped for too long.", status=408) from error

    async def read(self, limit: int = json.BODY_LIMIT_BYTES) -> bytes:
        """All of it. Raises TooLarge, ClientLeft."""
        body = bytearray()
        async for chunk in self.chunks():
            body += chunk
            if len(body) > limit:
                raise TooLarge("request entity too large")
        return bytes(body)


class StreamedRequest(ASGIRequest):
    """What a view marked with :func:`reads_body` gets; its ``body`` is empty."""

    incoming: IncomingBody


def reads_body(view: View) -> View:
    """Marks a view of the lean path that reads the body itself."""
    view.reads_body = True  # type: ignore[attr-defined]
    return view
