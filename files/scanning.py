"""Viruses: each upload is shown to clamd, when one is configured. Nothing passes unseen."""

import asyncio
import struct
from pathlib import Path

import structlog
from django.conf import settings

from files.exceptions import UploadRefused
from files.threads import in_file_thread
from librechat_backend.lib.errors import AppError

SECONDS = 120
CHUNK_BYTES = 256 * 1024

log = structlog.get_logger(__name__)


async def require_clean(path: Path) -> None:
    """Raises UploadRefused for a virus, AppError 503 when nobody could look."""
    if not settings.CLAMD_ADDRESS:
        return
    try:
        async with asyncio.timeout(SECONDS):
            verdict = await _ask(path)
    except (OSError, TimeoutError, ValueError) as error:
        log.exception("virus_scan_failed")
        message = "The file could not be checked for viruses; try again later."
        raise AppError(message, status=503) from error
    if verdict.endswith("FOUND"):
        log.warning("virus_found", verdict=verdict)
        raise UploadRefused("The file contains a virus.")
    if not verdict.endswith("OK"):
        log.error("virus_scan_failed", verdict=verdict)
        raise AppError("The file could not be checked for viruses.", status=503)


async def _ask(path: Path) -> str:
    """clamd's INSTREAM command; the verdict is like ``stream: OK``."""
    reader, writer = await _connect(settings.CLAMD_ADDRESS)
    try:
        writer.write(b"zINSTREAM\0")
        with path.open("rb") as file:
            while chunk := await in_file_thread(file.read, CHUNK_BYTES):
                writer.write(struct.pack("!L", len(chunk)) + chunk)
                await writer.drain()
        writer.write(struct.pack("!L", 0))
        await writer.drain()
        return (await reader.read(4096)).rstrip(b"\0\n").decode("utf-8", "replace")
    finally:
        writer.close()


async def _connect(address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """``/path/of/a/socket`` or ``host:port``. Raises ValueError."""
    if address.startswith("/"):
        return await asyncio.open_unix_connection(address)
    host, _, port = address.rpartition(":")
    return await asyncio.open_connection(host, int(port))
