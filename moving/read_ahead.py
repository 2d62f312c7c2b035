"""Made in a thread of its own while what came before is used."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from django.db import connections

T = TypeVar("T")

# Who waits for the database gets on soon after it answered; Python would let the other thread have
# five milliseconds each time.
SWITCH_SECONDS = 0.0005


def read_ahead(items: Iterator[T]) -> Iterator[T]:
    """The same items. One at a time is made in advance; it may read what was committed before."""
    end = object()
    with _switching_often(), ThreadPoolExecutor(1, thread_name_prefix="read-ahead") as pool:
        try:
            coming = pool.submit(next, items, end)
            while (item := coming.result()) is not end:
                coming = pool.submit(next, items, end)
                yield item  # type: ignore[misc]
        finally:
            pool.submit(connections.close_all)


@contextmanager
def _switching_often() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
