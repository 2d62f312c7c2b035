"""Background tasks: work that takes longer than a request may. The only import site of django-tasks
beside the worker (``lib/task_worker.py``).

A task is a function of an app's ``tasks.py``, marked with ``@task`` and given to :func:`enqueue` in
the transaction that wrote what it works on. Three rules:

* Its arguments are ids, nothing else: they are JSON, kept for days, and administrators see them.
* It may run twice: one whose process was killed is taken again, from its beginning. So it works in
  short transactions, and a second run finds what the first had done.
* One that takes long is marked ``@task(queue_name=LONG)``, and calls :func:`check_interruption`
  between two of these transactions.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Event
from typing import ParamSpec, TypeVar

from django.db import transaction
from django_tasks import task
from django_tasks.base import Task

__all__ = ["LONG", "Interrupted", "Task", "check_interruption", "enqueue", "interruptible", "task"]

P = ParamSpec("P")
T = TypeVar("T")

# The queue of tasks that may take minutes: short ones do not wait behind them.
LONG = "long"
# Set when this process has added a task, so that its own worker need not wait for its next look.
MORE = Event()


class Interrupted(BaseException):
    """The worker is stopping, or another one has this task. It is run again from its beginning.

    No Exception: a task that catches those must let this one pass.
    """


_is_interrupted: ContextVar[Callable[[], bool]] = ContextVar("is_interrupted")


def enqueue(work: Task[P, T], *args: P.args, **kwargs: P.kwargs) -> str:
    """Have ``work`` done once the surrounding transaction is committed; the id of the task.

    One insert. From async code: ``await in_database(enqueue, work, …)``.
    """
    task_id: str = work.enqueue(*args, **kwargs).id
    transaction.on_commit(MORE.set)
    return task_id


def check_interruption() -> None:
    """To be called by a task that takes long, outside transactions. Raises Interrupted."""
    is_interrupted = _is_interrupted.get(None)
    if is_interrupted is not None and is_interrupted():
        raise Interrupted


@contextmanager
def interruptible(is_interrupted: Callable[[], bool]) -> Iterator[None]:
    """For the worker: what ``check_interruption`` asks within the block."""
    token = _is_interrupted.set(is_interrupted)
    try:
        yield
    finally:
        _is_interrupted.reset(token)
