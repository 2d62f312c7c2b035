"""``python -m tests.moving.killed_move N,N,… ARGUMENTS``: import_librechat, killed at statement N.

Each N is a process of its own. With 0 it comes to its end, and says how many statements there were.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

import django
from django.db.backends.base.base import BaseDatabaseWrapper

SMALL_BATCH = 40


def main(moments: list[int], arguments: list[str]) -> None:
    django.setup()
    for last in moments:
        if last == 0:
            _move(0, arguments)
        else:
            _kill_one(last, arguments)


def _kill_one(last: int, arguments: list[str]) -> None:
    child = os.fork()
    if child == 0:
        _move(last, arguments)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    is_killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    sys.stdout.write("killed\n" if is_killed else "not killed\n")
    sys.stdout.flush()


def _move(last: int, arguments: list[str]) -> None:
    from django.core.management import CommandError, call_command
    from django.db.backends.signals import connection_created

    from moving import engine

    engine.BATCH_DOCUMENTS = SMALL_BATCH
    count, process = 0, os.getpid()

    def watched(execute: Callable[..., Any], *statement: Any) -> Any:
        nonlocal count
        # Sweeping has a clock of its own, and so has the process that reads ahead.
        if os.getpid() == process and threading.current_thread().name != "sweeping":
            count += 1
            if count == last:
                os.kill(process, signal.SIGKILL)
        return execute(*statement)

    def watch(connection: BaseDatabaseWrapper, **_: Any) -> None:
        connection.execute_wrappers.append(watched)

    connection_created.connect(watch)
    try:
        call_command("import_librechat", *arguments)
    except CommandError as error:
        sys.stdout.write(f"{error}\n")
    sys.stdout.write(f"statements {count}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main([int(each) for each in sys.argv[1].split(",")], sys.argv[2:])
