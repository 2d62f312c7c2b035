"""Works on background tasks: in threads of the server, or as ``manage.py run_tasks``.

The rows of django-tasks-db are the truth. A worker takes a task by a conditional update and holds
it by a lease, which it renews while it works; of a task that is running, ``run_after`` is when the
lease ends. When the worker dies, the lease runs out and the next worker takes the task. (The worker
of django-tasks-db knows no leases, and locks SQLite's whole file each time it looks.)
"""

import os
import secrets
import socket
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event, Thread
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import close_old_connections, connections
from django.utils import timezone
from django.utils.module_loading import import_string
from django_tasks.base import Task, TaskResultStatus
from django_tasks_db.models import DBTaskResult, DBTaskResultQuerySet, get_date_max

from librechat_backend.lib.errors import AppError
from librechat_backend.lib.tasks import LONG, MORE, Interrupted, interruptible

POLL_SECONDS = 2.0
LAPSED_SECONDS = 5.0  # between two looks for tasks whose worker has died
TIDY_SECONDS = 3600.0
# A task that has ended its worker this often would do so again.
ATTEMPTS_MAX = 3
DONE_KEPT = timedelta(days=3)
FAILED_KEPT = timedelta(days=30)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Claim:
    """A task in the hands of a worker: the last of ``worker_ids``.

    Each change tells whether the task still was in its hands.
    """

    id: UUID
    path: str
    arguments: dict[str, Any]
    worker_ids: list[str]

    def extend(self) -> bool:
        return self._update(run_after=_lease_end())

    def succeed(self) -> bool:
        return self._end(TaskResultStatus.SUCCESSFUL)

    def fail(self, error: BaseException) -> bool:
        name = f"{type(error).__module__}.{type(error).__qualname__}"
        return self._end(
            TaskResultStatus.FAILED, exception_class_path=name, traceback=_describe(error)
        )

    def give_back(self) -> bool:
        """As if nobody had begun it."""
        return self._update(
            status=TaskResultStatus.READY,
            worker_ids=self.worker_ids[:-1],
            started_at=None,
            run_after=get_date_max(),
        )

    def _end(self, status: str, **fields: Any) -> bool:
        cleared = {"exception_class_path": "", "traceback": "", "run_after": get_date_max()}
        return self._update(status=status, finished_at=timezone.now(), **{**cleared, **fields})

    def _update(self, **fields: Any) -> bool:
        mine = _running().filter(pk=self.id, worker_ids=self.worker_ids)
        return mine.update(**fields) == 1


class Worker:
    """Runs one task after the other until it is stopped; the long ones only where it may."""

    def __init__(self, *, takes_long: bool = True) -> None:
        self._takes_long = takes_long
        self.id = f"{socket.gethostname()[:30]}:{os.getpid()}:{secrets.token_hex(4)}"
        self._stopping = Event()
        self._next_lapsed = self._next_tidy = time.monotonic()

    def run_until_stopped(self) -> None:
        log.debug("task_worker_started", worker=self.id)
        while not self._stopping.is_set():
            if not self._run_one_safely():
                MORE.wait(POLL_SECONDS)
                MORE.clear()
        connections.close_all()

    def run_until_idle(self) -> int:
        """Run what is ready now and what that adds; how many tasks were run."""
        count = 0
        while not self._stopping.is_set() and self.run_one():
            count += 1
        return count

    def stop(self) -> None:
        """No further task is begun, and the one that runs hears of it."""
        self._stopping.set()
        MORE.set()

    def run_one(self) -> bool:
        """Whether there was a task to run."""
        self._look_after_others()
        claim = self._claim_ready()
        if claim is not None:
            self._run(claim)
        return claim is not None

    def _run_one_safely(self) -> bool:
        close_old_connections()
        try:
            return self.run_one()
        except DatabaseError:
            # A task whose end could not be stored is run again when its lease is over.
            log.exception("tasks_unreachable")
            return False

    def _claim_ready(self) -> Claim | None:
        waiting = DBTaskResult.objects.ready()
        if not self._takes_long:
            waiting = waiting.exclude(queue_name=LONG)
        while row := waiting.first():
            ready = DBTaskResult.objects.filter(pk=row.pk, status=TaskResultStatus.READY)
            worker_ids = [*row.worker_ids, self.id]
            is_mine = ready.update(
                status=TaskResultStatus.RUNNING,
                started_at=timezone.now(),
                worker_ids=worker_ids,
                run_after=_lease_end(),
            )
            if is_mine:
                return Claim(row.pk, row.task_path, row.args_kwargs, worker_ids)
        return None

    def _run(self, claim: Claim) -> None:
        logger = log.bind(task=claim.path, task_id=str(claim.id))
        try:
            with (
                _held(claim) as is_lost,
                interruptible(lambda: self._stopping.is_set() or is_lost.is_set()),
            ):
                _call(claim)
        except Interrupted:
            claim.give_back()
            logger.info("task_interrupted")
        except BaseException as error:  # noqa: BLE001 - the row says what was wrong with the task
            claim.fail(error)
            logger.error("task_failed", error=type(error).__name__)
        else:
            is_stored = claim.succeed()
            logger.debug("task_done", is_stored=is_stored)

    def _look_after_others(self) -> None:
        now = time.monotonic()
        if now >= self._next_lapsed:
            self._next_lapsed = now + LAPSED_SECONDS
            release_lapsed()
        if now >= self._next_tidy:
            self._next_tidy = now + TIDY_SECONDS
            remove_old()


class WorkerThreads:
    """The workers within the server: one for all tasks, one that never has a long one in hand.

    Daemons: they do not keep the process from ending.
    """

    def __init__(self) -> None:
        self._workers = [Worker(), Worker(takes_long=False)]
        self._threads = [
            Thread(target=worker.run_until_stopped, name="task-worker", daemon=True)
            for worker in self._workers
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self, seconds: float) -> None:
        """Waits so long for what runs; what takes longer is taken again by the next worker."""
        for worker in self._workers:
            worker.stop()
        deadline = time.monotonic() + seconds
        for worker, thread in zip(self._workers, self._threads, strict=True):
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                log.warning("task_abandoned", worker=worker.id)


def release_lapsed() -> None:
    """Tasks whose worker has died become ready again; those that may be to blame have failed."""
    for row in _running().filter(run_after__lte=timezone.now()):
        is_hopeless = len(row.worker_ids) >= ATTEMPTS_MAX
        lapsed = _running().filter(pk=row.pk, run_after=row.run_after)
        if is_hopeless:
            is_changed = lapsed.update(
                status=TaskResultStatus.FAILED,
                finished_at=timezone.now(),
                traceback=f"The process it ran in has ended {ATTEMPTS_MAX} times.",
            )
        else:
            is_changed = lapsed.update(status=TaskResultStatus.READY, run_after=get_date_max())
        if is_changed:
            log.warning("task_lapsed", task=row.task_path, task_id=str(row.pk), gone=is_hopeless)


def run_again(rows: DBTaskResultQuerySet) -> int:
    """Make tasks that have ended ready once more; how many."""
    ended = rows.exclude(status__in=[TaskResultStatus.READY, TaskResultStatus.RUNNING])
    count = ended.update(
        status=TaskResultStatus.READY,
        worker_ids=[],
        started_at=None,
        finished_at=None,
        exception_class_path="",
        traceback="",
        run_after=get_date_max(),
    )
    MORE.set()
    return count


def remove_old() -> None:
    """What has been over for days is forgotten."""
    now = timezone.now()
    DBTaskResult.objects.successful().filter(finished_at__lt=now - DONE_KEPT).delete()
    DBTaskResult.objects.failed().filter(finished_at__lt=now - FAILED_KEPT).delete()


def _running() -> DBTaskResultQuerySet:
    return DBTaskResult.objects.running()


def _lease_end() -> datetime:
    return timezone.now() + timedelta(seconds=settings.TASK_LEASE_SECONDS)


def _call(claim: Claim) -> None:
    """Raises what the task raises, ImportError when there is no such task any more."""
    task = import_string(claim.path)
    if not isinstance(task, Task):
        raise TypeError(f"{claim.path} is no task")
    task.call(*claim.arguments["args"], **claim.arguments["kwargs"])


@contextmanager
def _held(claim: Claim) -> Iterator[Event]:
    """Renews the lease meanwhile; the event is set when somebody else has the task."""
    is_over, is_lost = Event(), Event()
    thread = Thread(target=_renew, args=(claim, is_over, is_lost), name="task-lease", daemon=True)
    thread.start()
    try:
        yield is_lost
    finally:
        is_over.set()
        thread.join()


def _renew(claim: Claim, is_over: Event, is_lost: Event) -> None:
    while not is_over.wait(settings.TASK_LEASE_SECONDS / 3):
        try:
            if not claim.extend():
                is_lost.set()
                break
        except DatabaseError:
            log.exception("task_lease_not_renewed", task_id=str(claim.id))
    connections.close_all()


def _describe(error: BaseException) -> str:
    """What and where. The message may quote what people wrote, unless it is known not to."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    is_harmless = isinstance(error, AppError | OSError | ImportError)
    return f"{type(error).__name__}{f': {error}' if is_harmless else ''}\n\n{frames}"
