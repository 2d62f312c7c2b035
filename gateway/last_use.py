"""When each key was last used, written now and then beside the requests."""

import asyncio
from datetime import UTC, datetime
from weakref import WeakKeyDictionary

import structlog
from django.db import DatabaseError

from gateway import services
from librechat_backend.lib.aio import in_database, spawn

WRITE_SECONDS = 10.0

log = structlog.get_logger(__name__)

_moments: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, datetime]] = WeakKeyDictionary()


def note_use(token_id: str) -> None:
    loop = asyncio.get_running_loop()
    moments = _moments.get(loop)
    if moments is None:
        moments = _moments[loop] = {}
        spawn(_keep_writing(), name="last use of keys")
    moments[token_id] = datetime.now(UTC)


async def _keep_writing() -> None:
    while True:
        await asyncio.sleep(WRITE_SECONDS)
        await write_uses()


async def write_uses() -> None:
    """What was noted since the last time; also when the server ends."""
    moments = _moments.get(asyncio.get_running_loop())
    if not moments:
        return
    noted = dict(moments)
    moments.clear()
    try:
        await in_database(services.note_use, noted)
    except DatabaseError as error:
        log.warning("last_use_not_written", reason=str(error))
