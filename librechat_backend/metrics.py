"""``/metrics`` for Prometheus. Bare ASGI.

With METRICS_TOKEN set, whoever sends it as a bearer token may read; without, this machine alone.
To anybody else the path does not exist.
"""

import ipaddress
import os
import shutil
from pathlib import Path
from typing import Any

from django.conf import settings

from librechat_backend.lib.crypto import same
from librechat_backend.lib.throttling import client_address
from usage.metrics import CONTENT_TYPE, DIRECTORY_VARIABLE, exposition


async def metrics(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if not _may_read(scope):
        await _respond(send, 404, b"text/plain; charset=utf-8", b"Not found")
        return
    await _respond(send, 200, CONTENT_TYPE.encode(), exposition())


def _may_read(scope: dict[str, Any]) -> bool:
    headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
    if settings.METRICS_TOKEN:
        return same(headers.get(b"authorization", ""), f"Bearer {settings.METRICS_TOKEN}")
    # A proxy on this machine passes on what others ask.
    if b"x-forwarded-for" in headers or b"forwarded" in headers:
        return False
    peer = scope.get("client") or ("127.0.0.1", 0)
    return ipaddress.ip_address(client_address(peer[0], "")).is_loopback


async def _respond(send: Any, status: int, content_type: bytes, body: bytes) -> None:
    headers = [
        (b"content-type", content_type),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def share_between_processes(directory: Path) -> None:
    """Before the processes are started: each writes its figures there, any of them reads all."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    os.environ[DIRECTORY_VARIABLE] = str(directory)
