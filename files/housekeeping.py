"""Cleaning again and again, in each process of the server; that several do harms nothing."""

import asyncio

import structlog

from files.services.cleaning import clean
from librechat_backend.lib.aio import in_database

INTERVAL_SECONDS = 300.0

log = structlog.get_logger(__name__)


async def clean_regularly() -> None:
    while True:
        await asyncio.sleep(INTERVAL_SECONDS)
        try:
            cleaned = await in_database(clean)
        except Exception:  # noqa: BLE001 - the next time the database or storage may be back
            log.exception("files_not_cleaned")
            continue
        if cleaned.file_count or cleaned.blob_count:
            log.info("files_cleaned", files=cleaned.file_count, objects=cleaned.blob_count)
