"""Whether the server lives and is ready (contract 01 §2.4). Bare ASGI.

Answers when Django's handler is full and when the database is gone: nothing here waits for either
longer than CHECK_TIMEOUT_SECONDS.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import parse_qs

import structlog
from asgiref.typing import ASGIReceiveCallable, ASGISendCallable, HTTPScope
from django.core.cache import cache
from django.db import connection

from librechat_backend.lib import json

CHECK_TIMEOUT_SECONDS = 2.0

log = structlog.get_logger(__name__)
# A thread of its own: the checks neither wait behind other work nor, when they hang, pile up.
_executor = ThreadPoolExecutor(1, "health")


@dataclass
class Readiness:
    """Set when the server has started, cleared while it drains."""

    ready: bool = False


READINESS = Readiness()


async def health(scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    """Serves /health, /livez, /readyz, /health/live and /health/ready."""
    path = scope["path"]
    if path in {"/readyz", "/health/ready"}:
        await (_text(send, 200, b"OK") if READINESS.ready else _text(send, 503, b"NOT_READY"))
    elif path == "/health" and _wants_report(scope):
        await _send_report(send)
    elif path in {"/health", "/livez", "/health/live"}:
        await _text(send, 200, b"OK")
    else:
        await _text(send, 404, b"Not found")


def _wants_report(scope: HTTPScope) -> bool:
    """The client itself accepts ``application/json, text/plain, */*`` and wants the short form."""
    if parse_qs(scope["query_string"]).get(b"full") == [b"1"]:
        return True
    accepts = [value for name, value in scope["headers"] if name == b"accept"]
    return accepts == [b"application/json"]


async def _send_report(send: ASGISendCallable) -> None:
    report = {"database": await _state(_check_database), "cache": await _state(_check_cache)}
    is_healthy = set(report.values()) == {"ok"}
    providers = await _providers() if report["database"] == "ok" else {}
    status = "ok" if is_healthy else "error"
    body = json.dumps({"status": status, **report, "providers": providers})
    await _respond(send, 200 if is_healthy else 503, b"application/json", body)


async def _state(check: Callable[[], None]) -> str:
    future = asyncio.get_running_loop().run_in_executor(_executor, check)
    try:
        await asyncio.wait_for(future, CHECK_TIMEOUT_SECONDS)
    except Exception as error:  # whatever is wrong, the answer is that it does not work
        log.warning("health_check_failed", check=check.__name__, error=repr(error))
        return "error"
    return "ok"


async def _providers() -> dict[str, str]:
    """Services with a usable channel. Their own health does not make the server ill."""
    # Workers import this module before their apps are loaded.
    from providers.snapshots import current_channels

    found: dict[str, str] = {}

    def read() -> None:
        try:
            found.update({channel.kind: "configured" for channel in current_channels()})
        finally:
            connection.close()

    await _state(read)
    return found


def _check_database() -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    finally:
        connection.close()


def _check_cache() -> None:
    cache.set("health", "ok", timeout=10)
    if cache.get("health") != "ok":
        raise LookupError("the cache lost a value just stored")


async def _text(send: ASGISendCallable, status: int, body: bytes) -> None:
    await _respond(send, status, b"text/plain; charset=utf-8", body)


async def _respond(send: ASGISendCallable, status: int, content_type: bytes, body: bytes) -> None:
    headers = [
        (b"content-type", content_type),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send(
        {"type": "http.response.start", "status": status, "headers": headers, "trailers": False}
    )
    await send({"type": "http.response.body", "body": body, "more_body": False})
