"""Made in a process of its own while what came before is used."""

import gc
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from threading import Thread
from typing import TypeVar

from django.db import connections

T = TypeVar("T")


def read_ahead(items: Iterator[T]) -> Iterator[T]:
    """The same items, which have to be ones that can be pickled.

    Some are made in advance, with what is in memory now and what is committed by then. Raises what
    ``items`` raises, and EOFError when somebody has ended the process.
    """
    context = get_context("fork")
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(target=_make, args=(items, receiving, sending), daemon=True)
    process.start()
    sending.close()
    with ThreadPoolExecutor(1, thread_name_prefix="read-ahead") as pool:
        try:
            coming = pool.submit(receiving.recv)
            while received := coming.result():
                if isinstance(received, Exception):
                    raise received
                coming = pool.submit(receiving.recv)
                yield from received
        finally:
            process.kill()
            process.join()


def _make(items: Iterator[T], receiving: Connection, sending: Connection) -> None:
    """Connections to the database are those of the other process; a new thread gets its own."""
    receiving.close()  # or nobody would notice that the other process is gone
    gc.freeze()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for settings in connections.settings.values():
        settings["OPTIONS"].pop("pool", None)
    thread = Thread(target=_send, args=(items, sending))
    thread.start()
    thread.join()


def _send(items: Iterator[T], sending: Connection) -> None:
    """Each as a list of one; at the end an empty one, or an error."""
    with suppress(BrokenPipeError):
        try:
            for item in items:
                sending.send([item])
            sending.send([])
        except Exception as error:
            sending.send(error)
    connections.close_all()
