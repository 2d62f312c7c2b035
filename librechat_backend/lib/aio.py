"""Background tasks and database calls from async code (architecture §5, rules A1–A6).

Async code never touches the ORM: it hands a function to :func:`in_database`, which runs it in one
of a fixed number of threads, each with its own lasting connection. So neither an open stream nor
a running generation holds a connection, and their number is bounded however many there are.
"""

import asyncio
import contextvars
import threading
from collections.abc import Callable, Collection, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, ParamSpec, TypeVar

import structlog
from django.db import connections

DATABASE_THREADS = 8
CANCEL_AGAIN_SECONDS = 0.2

P = ParamSpec("P")
T = TypeVar("T")

log = structlog.get_logger(__name__)
_tasks: set[asyncio.Task[Any]] = set()


class _DatabaseThreads:
    """The executor, made on first use and again after a shutdown."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._executor: ThreadPoolExecutor | None = None

    def get(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._executor is None:
                self._executor = ThreadPoolExecutor(DATABASE_THREADS, "database")
            return self._executor

    def close(self) -> None:
        """End the threads and the connections they hold."""
        with self._lock:
            executor, self._executor = self._executor, None
        if executor is None:
            return
        barrier = threading.Barrier(DATABASE_THREADS)
        for _ in range(DATABASE_THREADS):
            executor.submit(_close_connections, barrier)
        executor.shutdown(wait=True)


def _close_connections(barrier: threading.Barrier) -> None:
    barrier.wait(timeout=60)  # so that each thread gets exactly one of these jobs
    connections.close_all()


_threads = _DatabaseThreads()


async def in_database(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run ``function`` in a database thread and return what it returns.

    Cancelling the caller does not undo the work: a function that began runs to its end.
    """
    context = contextvars.copy_context()
    call = partial(context.run, _run, partial(function, *args, **kwargs))
    return await asyncio.get_running_loop().run_in_executor(_threads.get(), call)


def _run(function: Callable[[], T]) -> T:
    try:
        return function()
    finally:
        for connection in connections.all(initialized_only=True):
            if connection.errors_occurred and not connection.in_atomic_block:
                connection.close()


def close_database_threads() -> None:
    _threads.close()


def spawn(job: Coroutine[Any, Any, None], *, name: str) -> asyncio.Task[None]:
    """Run ``job`` beside the request that asks for it; an exception is logged.

    The job gets a context of its own: what it binds never reaches the request, and the other way
    round (rule A4).
    """
    task = asyncio.get_running_loop().create_task(job, name=name, context=contextvars.Context())
    _tasks.add(task)
    task.add_done_callback(_finished)
    return task


def _finished(task: asyncio.Task[None]) -> None:
    _tasks.discard(task)
    if not task.cancelled() and (error := task.exception()):
        log.error("background_task_failed", task=task.get_name(), exc_info=error)


async def cancel(tasks: Collection[asyncio.Task[Any]]) -> None:
    """End ``tasks`` and wait for that.

    Again until it is heard: libraries swallow a cancellation that meets what they wait for.
    """
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=CANCEL_AGAIN_SECONDS)


async def uninterrupted(job: Coroutine[Any, Any, T]) -> T:
    """Run ``job`` to its end also when the caller is cancelled; the cancellation follows then."""
    task = asyncio.create_task(job)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise
