"""When each key was last used, written now and then beside the requests."""

import asyncio
from datetime import UTC, datetime

import structlog
from django.db import DatabaseError

from gateway import services
from librechat_backend.lib.aio import in_database, spawn
from librechat_backend.lib.per_loop import PerLoop

WRITE_SECONDS = 10.0

log = structlog.get_logger(__name__)


class _Moments(dict[str, datetime]):
    """By key; written down while the loop runs."""

    def __init__(self) -> None:
        spawn(_keep_writing(), name="last use of keys")


_moments = PerLoop(_Moments)


def note_use(token_id: str) -> None:
    _moments.get()[token_id] = datetime.now(UTC)


async def _keep_writing() -> None:
    while True:
        await asyncio.sleep(WRITE_SECONDS)
        await write_uses()


async def write_uses() -> None:
    """What was noted since the last time; also when the server ends."""
    moments = _moments.find()
    if not moments:
        return
    noted = dict(moments)
    moments.clear()
    try:
        await in_database(services.note_use, noted)
    except DatabaseError as error:
        log.warning("last_use_not_written", reason=str(error))
