"""Tasks for tests; each leaves its trace in a file."""

import time
from pathlib import Path

from librechat_backend.lib.tasks import check_interruption, enqueue, task

STEPS = 30
HOLD = 10


@task
def note(path: str, text: str = "run") -> None:
    with Path(path).open("a", encoding="utf-8") as file:
        file.write(f"{text}\n")


@task
def count(path: str) -> None:
    """Writes 0 to STEPS-1, one number a line; goes on where a first run ended.

    Waits before HOLD for the file ``path`` with “.go”.
    """
    done = len(Path(path).read_text(encoding="utf-8").split()) if Path(path).exists() else 0
    for number in range(done, STEPS):
        check_interruption()
        while number == HOLD and not Path(f"{path}.go").exists():
            check_interruption()
            time.sleep(0.02)
        time.sleep(0.03)
        note.call(path, str(number))


@task
def note_twice(path: str) -> None:
    note.call(path, "first")
    enqueue(note, path, "second")


@task
def refuse(secret: str) -> None:
    raise ValueError(f"cannot read {secret}")


@task
def miss(path: str) -> None:
    Path(path).read_text(encoding="utf-8")


@task
def leave(path: str) -> None:
    note.call(path, "began")
    raise SystemExit(3)
