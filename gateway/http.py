"""Requests and replies of the API, as bare ASGI has them.

Django's own request and response objects cost more than relaying a short answer does, so the hot
path does without (docs/architecture.md). Cross-origin callers are welcome: nothing here is
authenticated by a cookie.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from django.conf import settings

from gateway.errors import ApiError
from gateway.heart import Heart
from librechat_backend.lib import json, sse
from librechat_backend.lib.json import JSONDict, JSONValue
from librechat_backend.lib.throttling import client_address

Message = dict[str, Any]
Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

JSON_TYPE = "application/json"
# So much of a body is read from anybody; the rest of a larger one from who has a key.
STRANGERS_BYTES = 1024 * 1024
_COMMON = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"*"),
    (b"x-content-type-options", b"nosniff"),
]
_PREFLIGHT = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", b"GET, POST, OPTIONS"),
    (b"access-control-max-age", b"86400"),
    (b"content-length", b"0"),
]


class ClientLeft(Exception):
    """The connection closed before the request was whole."""


@dataclass(slots=True)
class Request:
    """``headers`` have lower-case names; of a repeated header the last counts."""

    method: str
    path: str
    query_string: bytes
    headers: dict[str, str]
    body: bytes
    ip_address: str

    def json(self) -> JSONValue:
        """Raises ApiError."""
        try:
            value = json.loads(self.body or b"{}")
        except json.DecodeError:
            raise ApiError("The request body is not valid JSON.", code="invalid_json") from None
        if not json.is_writable(self.body, value):
            raise ApiError("The request body is nested too deep.", code="invalid_json")
        return value

    def query(self) -> dict[str, str]:
        pairs = parse_qsl(self.query_string.decode("latin-1"))
        return {name: value.replace("\0", "") for name, value in pairs}


Admit = Callable[[Request], Awaitable[object]]


@dataclass(slots=True)
class Reply:
    body: bytes
    status: int = 200
    content_type: str = JSON_TYPE
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class StreamReply:
    """``frames`` is closed in any case; closing it ends the work behind it. ``beat`` is sent while
    nothing is said: a comment, which every reader of event streams passes over.
    """

    frames: AsyncGenerator[bytes, None]
    headers: dict[str, str] = field(default_factory=dict)
    beat: bytes = b": ping\n\n"


class Answering:
    """The sender of one answer, and whether anything of it was sent."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.has_begun = False

    async def __call__(self, message: Message) -> None:
        self.has_begun = True
        await self._send(message)


def json_reply(value: JSONDict, status: int = 200, headers: dict[str, str] | None = None) -> Reply:
    return Reply(json.dumps(value), status, headers=headers or {})


async def read_request(scope: Scope, receive: Receive, admit: Admit) -> Request:
    """``admit`` is asked before more than STRANGERS_BYTES are read, and raises ApiError.

    Raises ClientLeft, and ApiError 413 for a body above the limit.
    """
    headers = {n.decode("latin-1"): v.decode("latin-1") for n, v in scope["headers"]}
    peer = scope.get("client")
    request = Request(
        method=scope["method"],
        path=scope["path"],
        query_string=scope.get("query_string", b""),
        headers=headers,
        body=b"",
        ip_address=client_address(
            peer[0] if peer else "127.0.0.1", headers.get("x-forwarded-for", "")
        ),
    )
    announced = _announced(headers.get("content-length", ""))
    _check_length(announced)
    if announced > STRANGERS_BYTES:
        await admit(request)
    request.body = await _read_body(receive, request, admit)
    return request


def _announced(text: str) -> int:
    return int(text[:18]) if text.isascii() and text.isdigit() else 0


async def _read_body(receive: Receive, request: Request, admit: Admit) -> bytes:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientLeft
    body = message.get("body", b"")
    if not message.get("more_body"):
        _check_length(len(body))
        return bytes(body)
    whole = bytearray(body)
    while message.get("more_body"):
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientLeft
        before = len(whole)
        whole += message.get("body", b"")
        _check_length(len(whole))
        if before <= STRANGERS_BYTES < len(whole):
            await admit(request)
    return bytes(whole)


def _check_length(length: int) -> None:
    if length > STRANGERS_BYTES and length > settings.API_BODY_LIMIT_MB * 1024 * 1024:
        raise ApiError(
            f"The request is larger than {settings.API_BODY_LIMIT_MB} MB.",
            status=413,
            code="request_too_large",
        )


async def send_reply(reply: Reply, send: Send) -> None:
    length = (b"content-length", str(len(reply.body)).encode())
    await _send_start(send, reply.status, reply.content_type, reply.headers, [length])
    await send({"type": "http.response.body", "body": reply.body})


async def send_stream(reply: StreamReply, send: Send) -> None:
    kind = sse.HEADERS["Content-Type"]
    headers = {**sse.HEADERS, **reply.headers}
    del headers["Content-Type"]
    heart = Heart(send, reply.beat)
    try:
        await _send_start(send, 200, kind, headers, [])
        async for block in reply.frames:
            await heart.send(block)
        await heart.stop()
        await send({"type": "http.response.body", "body": b""})
    finally:
        heart.break_off()
        await reply.frames.aclose()


async def _send_start(
    send: Send,
    status: int,
    content_type: str,
    headers: dict[str, str],
    more: list[tuple[bytes, bytes]],
) -> None:
    lines = [(b"content-type", content_type.encode("latin-1")), *more, *_COMMON]
    lines += [(n.lower().encode("latin-1"), v.encode("latin-1")) for n, v in headers.items()]
    if settings.NO_INDEX:
        lines.append((b"x-robots-tag", b"noindex"))
    await send({"type": "http.response.start", "status": status, "headers": lines})


async def send_preflight(scope: Scope, send: Send) -> None:
    asked = dict(scope["headers"]).get(b"access-control-request-headers", b"*")
    lines = [*_PREFLIGHT, (b"access-control-allow-headers", asked)]
    await send({"type": "http.response.start", "status": 204, "headers": lines})
    await send({"type": "http.response.body", "body": b""})
