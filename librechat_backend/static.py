"""Static files of the admin and of our own page, straight from the packages that bring them.

Their names carry no version, so a browser asks each time whether its copy is still good; that is
cheap, and after an upgrade nobody runs old scripts with new pages.
"""

import asyncio
import mimetypes
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.exceptions import SuspiciousFileOperation


@dataclass(frozen=True, slots=True)
class File:
    body: bytes
    media_type: str
    etag: bytes


async def static_files(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Bare ASGI. Files are small; large installations put a web server before this path."""
    file = await asyncio.to_thread(_read, scope["path"].removeprefix(settings.STATIC_URL))
    if file is None:
        await _send(send, 404, [])
        return
    headers = [
        (b"cache-control", b"no-cache"),
        (b"etag", file.etag),
        (b"x-content-type-options", b"nosniff"),
    ]
    if file.etag in dict(scope["headers"]).get(b"if-none-match", b""):
        await _send(send, 304, headers)
        return
    headers += [
        (b"content-type", file.media_type.encode()),
        (b"content-length", b"%d" % len(file.body)),
    ]
    await _send(send, 200, headers, b"" if scope["method"] == "HEAD" else file.body)


async def _send(
    send: Any, status: int, headers: list[tuple[bytes, bytes]], body: bytes = b""
) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _read(name: str) -> File | None:
    try:
        found = finders.find(name)
    except (SuspiciousFileOperation, ValueError):
        return None
    if found is None or not Path(found).is_file():
        return None
    stat = Path(found).stat()
    media_type = mimetypes.guess_type(found)[0] or "application/octet-stream"
    etag = b'"%x-%x"' % (stat.st_mtime_ns, stat.st_size)
    return File(Path(found).read_bytes(), media_type, etag)
