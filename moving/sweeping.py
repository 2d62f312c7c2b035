"""On PostgreSQL: new words go into the full-text index beside the move, not within it.

What is written leaves its words in a list, and whoever makes it too long takes them into the index,
which is most of what a message costs. A second connection does so all the time; the list is
PostgreSQL's own, so nothing is missing whenever either of them dies.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

import structlog
from django.db import DatabaseError, connection

INDEX = "conversations_searchentry_document"
PAUSE_SECONDS = 0.2

log = structlog.get_logger(__name__)


@contextmanager
def sweeping() -> Iterator[None]:
    """Until the end, after which the list is empty. Does nothing on SQLite."""
    if connection.vendor != "postgresql" or connection.in_atomic_block:
        yield
        return
    is_over = Event()
    thread = Thread(target=_sweep, args=(is_over,), name="sweeping", daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def _sweep(is_over: Event) -> None:
    try:
        while not is_over.wait(PAUSE_SECONDS):
            _take_in()
        _take_in()
    except DatabaseError as error:
        # The move does it itself then, and slower; only the owner of an index may ask for it.
        log.warning("words_not_taken_in_aside", exc_info=error)
    finally:
        connection.close()


def _take_in() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT gin_clean_pending_list(%s::regclass)", [INDEX])
