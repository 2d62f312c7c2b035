"""Runs the worker (files/worker.py), a few at a time, each within its time."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import structlog
from django.conf import settings

from files.exceptions import Unreadable
from librechat_backend.lib import json
from librechat_backend.lib.aio import uninterrupted

SECONDS = 60
# The CPU time ends a parser that loops; the clock one that waits.
CPU_SECONDS = 45
QUEUE_SECONDS = 120
_ANSWER_BYTES = 64 * 1024
_INHERITED = ("PATH", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH")
_SLOTS: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()

log = structlog.get_logger(__name__)


async def run(job: str, source: Path, target: Path, **options: Any) -> dict[str, Any]:
    """What the worker answers. Raises Unreadable when it could not do it, for whatever reason."""
    slots = _SLOTS.setdefault(
        asyncio.get_running_loop(), asyncio.Semaphore(max(2, os.cpu_count() or 1))
    )
    try:
        async with asyncio.timeout(QUEUE_SECONDS):
            await slots.acquire()
    except TimeoutError as error:
        raise Unreadable("The server is busy with other files; try again later.") from error
    try:
        answer = await _ask(job, source, target, options | {"cpu_seconds": CPU_SECONDS})
    finally:
        slots.release()
    if problem := answer.get("problem"):
        raise Unreadable(str(problem))
    return answer


async def _ask(job: str, source: Path, target: Path, options: dict[str, Any]) -> dict[str, Any]:
    process = await _start(job, str(source), str(target), json.dumps(options).decode())
    assert process.stdout is not None  # noqa: S101 - it was asked for
    try:
        async with asyncio.timeout(SECONDS):
            output = await process.stdout.read(_ANSWER_BYTES)
            status = await process.wait()
    except TimeoutError as error:
        raise Unreadable("It takes too long to open.") from error
    finally:
        if process.returncode is None:
            process.kill()
            await uninterrupted(process.wait())
    return _parsed(job, output, status)


async def _start(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "files.worker", *arguments,
        cwd=settings.BASE_DIR,
        env={name: os.environ[name] for name in _INHERITED if name in os.environ},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip


def _parsed(job: str, output: bytes, status: int) -> dict[str, Any]:
    try:
        answer = json.loads(output)
    except json.DecodeError as error:
        log.warning("file_worker_died", job=job, status=status)
        raise Unreadable("It could not be opened.") from error
    if not isinstance(answer, dict):
        raise Unreadable("It could not be opened.")
    return answer
