"""The short way for hot routes: Django's requests, views and responses without its per-request
thread, signals and middleware chain (architecture §5 A1).

A view on this path is a coroutine function and never touches the ORM itself. A client that leaves
cancels its view, also before the first byte; a streamed body is closed at once.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import suppress
from io import BytesIO
from typing import Any, cast

import structlog
from corsheaders.middleware import CorsMiddleware
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import Resolver404, ResolverMatch, URLPattern, URLResolver
from django.urls.resolvers import RegexPattern

from librechat_backend.lib import json, rest
from librechat_backend.lib.bodies import ClientLeft, IncomingBody, StreamedRequest
from librechat_backend.middleware import add_headers, no_nul

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
View = Callable[..., Awaitable[HttpResponseBase]]

log = structlog.get_logger(__name__)


class LeanHandler:
    """An ASGI application for ``patterns``, a list of URL patterns of coroutine views."""

    def __init__(self, patterns: Iterable[URLPattern | URLResolver]) -> None:
        self._resolver = URLResolver(RegexPattern(r"^/"), list(patterns))
        self._respond = CorsMiddleware(no_nul(self._call_view))

    def handles(self, path: str) -> bool:
        if "\0" in path:  # no id has one; Django's handler says so
            return False
        try:
            self._resolver.resolve(path)
        except Resolver404:
            return False
        return True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with suppress(ClientLeft):
            request, ended = await self._request(scope, receive)
            answering = asyncio.create_task(self._answer(request, send))
            leaving = asyncio.create_task(_wait_for_disconnect(receive, ended))
            try:
                await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                await _cancel(leaving)
                await _cancel(answering)
            if not answering.cancelled():
                answering.result()

    async def _request(
        self, scope: Scope, receive: Receive
    ) -> tuple[ASGIRequest, asyncio.Event | None]:
        """The request and, where its view reads the body itself, what tells the body's end."""
        match = self._resolver.resolve(scope["path"])
        if not getattr(match.func, "reads_body", False):
            request = await _read_request(scope, receive)
            request.resolver_match = match
            return request, None
        streamed = StreamedRequest(scope, BytesIO())
        streamed._body = b""
        streamed.incoming = IncomingBody(receive)
        streamed.resolver_match = match
        return streamed, streamed.incoming.ended

    async def _answer(self, request: ASGIRequest, send: Send) -> None:
        response = await cast(View, self._respond)(request)
        await _send_response(add_headers(response), send)

    async def _call_view(self, request: HttpRequest) -> HttpResponseBase:
        try:
            match = cast(ResolverMatch, request.resolver_match)
            view = cast(View, match.func)
            return await view(request, *match.args, **match.kwargs)
        except ClientLeft:
            raise
        except Exception as error:  # noqa: BLE001 - the border: nothing may pass unanswered
            return _error_response(error)


def _error_response(error: Exception) -> HttpResponseBase:
    app_error = rest.as_app_error(error)
    if app_error is None:
        log.error("unhandled_error", exc_info=error)
        return HttpResponse("An unknown error occurred.", status=500, content_type="text/plain")
    return HttpResponse(
        json.dumps(app_error.body()),
        status=app_error.status,
        headers=app_error.headers,
        content_type="application/json",
    )


async def _read_request(scope: Scope, receive: Receive) -> ASGIRequest:
    """The request with its body read; what exceeds the limit is read no further."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientLeft
        body += message.get("body", b"")
        if not message.get("more_body") or len(body) > json.BODY_LIMIT_BYTES:
            break
    request = ASGIRequest(scope, BytesIO())  # it wants a file; the bytes are here already
    request._body = bytes(body)
    return request


async def _wait_for_disconnect(receive: Receive, ended: asyncio.Event | None) -> None:
    if ended is not None:
        await ended.wait()  # until then the view hears it
    while (await receive())["type"] != "http.disconnect":
        pass


async def _cancel(task: asyncio.Task[None]) -> None:
    if task.done():
        return
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def _send_response(response: HttpResponseBase, send: Send) -> None:
    headers = [
        (name.encode("latin-1"), value.encode("latin-1")) for name, value in response.items()
    ]
    headers += [
        (b"Set-Cookie", cookie.output(header="").strip().encode())
        for cookie in response.cookies.values()
    ]
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    if isinstance(response, StreamingHttpResponse):
        await _send_stream(response, send)
    else:
        await send({"type": "http.response.body", "body": response.content})  # type: ignore[attr-defined]
    response.close()


async def _send_stream(response: StreamingHttpResponse, send: Send) -> None:
    chunks: AsyncIterator[bytes] = response.streaming_content  # type: ignore[assignment]
    # The headers reach the client before the first event (contract 02 §3.2).
    await send({"type": "http.response.body", "body": b"", "more_body": True})
    try:
        async for chunk in chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    finally:
        if hasattr(chunks, "aclose"):
            await chunks.aclose()
