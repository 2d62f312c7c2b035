"""Counting, and clearing the log, again and again in each process of the server; that several do
harms nothing."""

import asyncio

import structlog

from librechat_backend.lib.aio import in_database
from usage.analytics.retention import clear_requests
from usage.analytics.rollup import roll_up

INTERVAL_SECONDS = 20.0

log = structlog.get_logger(__name__)


async def count_regularly() -> None:
    while True:
        await asyncio.sleep(INTERVAL_SECONDS)
        try:
            while await in_database(roll_up) or await in_database(clear_requests):
                pass
        except Exception:  # noqa: BLE001 - the next time the database may be back
            log.exception("usage_not_counted")
