"""Static files of the admin and of our own page, straight from the packages that bring them."""

import asyncio
import mimetypes
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.exceptions import SuspiciousFileOperation

CACHE_SECONDS = 3600


async def static_files(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Bare ASGI. Files are small; large installations put a web server before this path."""
    found = await asyncio.to_thread(_read, scope["path"].removeprefix(settings.STATIC_URL))
    if found is None:
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": b""})
        return
    body, media_type = found
    headers = [
        (b"content-type", media_type.encode()),
        (b"cache-control", b"public, max-age=%d" % CACHE_SECONDS),
        (b"content-length", b"%d" % len(body)),
        (b"x-content-type-options", b"nosniff"),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _read(name: str) -> tuple[bytes, str] | None:
    try:
        path = finders.find(name)
    except (SuspiciousFileOperation, ValueError):
        return None
    if path is None or not Path(path).is_file():
        return None
    return Path(path).read_bytes(), mimetypes.guess_type(path)[0] or "application/octet-stream"
