"""Background tasks and database calls from async code (architecture §5, rules A1–A6).

Async code never touches the ORM: it hands a function to :func:`in_database`, which runs it in one
of a fixed number of threads, each with its own lasting connection. So neither an open stream nor
a running generation holds a connection, and their number is bounded however many there are.
"""

import asyncio
import contextvars
import threading
from collections.abc import Callable, Collection, Coroutine
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar

import structlog
from django.db import connections

DATABASE_THREADS = 8
CANCEL_AGAIN_SECONDS = 0.2

Job = Callable[[], None]
P = ParamSpec("P")
T = TypeVar("T")

log = structlog.get_logger(__name__)
_tasks: set[asyncio.Task[Any]] = set()


class _DatabaseThreads:
    """Made on first use and again after a shutdown. An executor of the standard library would take
    longer to pass a small query on than a database to answer it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._unfinished = 0

    def run(self, job: Job) -> None:
        with self._lock:
            self._unfinished += 1
            if len(self._threads) < min(self._unfinished, DATABASE_THREADS):
                self._add_thread()
            self._jobs.put(job)

    def _add_thread(self) -> None:
        name = f"database_{len(self._threads)}"
        thread = threading.Thread(target=self._work, args=[self._jobs], name=name, daemon=True)
        thread.start()
        self._threads.append(thread)

    def _work(self, jobs: "SimpleQueue[Job | None]") -> None:
        while (job := jobs.get()) is not None:
            job()
            with self._lock:
                self._unfinished -= 1
        connections.close_all()

    def close(self) -> None:
        """Run what is waiting, end the threads and the connections they hold."""
        with self._lock:
            threads, self._threads = self._threads, []
            jobs, self._jobs = self._jobs, SimpleQueue()
        for _ in threads:
            jobs.put(None)
        for thread in threads:
            thread.join()


_threads = _DatabaseThreads()


async def in_database(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run ``function`` in a database thread and return what it returns.

    Cancelling the caller does not undo the work: a function that began runs to its end.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[T] = loop.create_future()
    context = contextvars.copy_context()

    def job() -> None:
        if answer.cancelled():
            return
        value: T | None = None
        failure: BaseException | None = None
        try:
            value = context.run(_run, function, args, kwargs)
        except BaseException as error:  # noqa: BLE001 - it belongs to who asked
            failure = error
        with suppress(RuntimeError):  # the loop is closed: nobody asks any more
            loop.call_soon_threadsafe(_tell, answer, value, failure)

    _threads.run(job)
    return await answer


def _tell(answer: "asyncio.Future[Any]", value: Any, failure: BaseException | None) -> None:
    if answer.done():  # who asked was cancelled
        return
    if failure is None:
        answer.set_result(value)
    else:
        answer.set_exception(failure)


def _run(function: Callable[..., T], args: Any, kwargs: Any) -> T:
    try:
        return function(*args, **kwargs)
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
