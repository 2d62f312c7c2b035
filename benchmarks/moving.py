"""Moving in: how fast a dump of LibreChat's database is taken over, and in how much memory."""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks.report import Row, at_least, at_most, figure
from tests.live import ROOT, LiveServer
from tests.moving.commands import env_file
from tests.moving.dumps import write_dump, write_kept
from tests.moving.librechat_database import OldDatabase

CHATS, SMOKE_CHATS = 100_000, 200
LENGTH = 10
CHATS_PER_PERSON = 100
SQLITE_TARGET, POSTGRESQL_TARGET = 5_000.0, 8_000.0
GROWTH_TARGET_MB = 400.0  # of two processes: one reads, one writes
LOOK_SECONDS = 0.5


def run(*, smoke: bool, **env: str) -> list[Row]:
    chats = SMOKE_CHATS if smoke else CHATS
    old = OldDatabase(
        people=max(2, chats // CHATS_PER_PERSON),
        conversations=chats,
        length=LENGTH,
        with_hazards=False,
    )
    server = LiveServer(env=env)
    try:
        server.migrate_quickly()
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory)
            dump, kept = write_dump(path / "dump", old), write_kept(path / "old", old)
            options = [str(dump), "--env", str(env_file(path)), "--files", str(kept)]
            return _measure(server, dump, options, chats * LENGTH)
    finally:
        server.close()


def _measure(server: LiveServer, dump: Path, options: list[str], messages: int) -> list[Row]:
    command = [sys.executable, "manage.py", "import_librechat", *options]
    began, used, worked = time.monotonic(), [], _processor_seconds()
    process = subprocess.Popen(  # noqa: S603
        command, cwd=ROOT, env=server.env, stdout=subprocess.DEVNULL
    )
    while process.poll() is None:
        used.append(_memory(process.pid))
        time.sleep(LOOK_SECONDS)
    seconds, worked = time.monotonic() - began, _processor_seconds() - worked
    if process.returncode:
        raise RuntimeError("the move was not complete")
    megabytes = sum(path.stat().st_size for path in dump.rglob("*.bson")) / 1_000_000
    target = POSTGRESQL_TARGET if server.env.get("DATABASE_URL") else SQLITE_TARGET
    half = len(used) // 2
    return [
        at_least("messages, with all that belongs to them", messages / seconds, target, "a second"),
        figure("taken over", f"{messages:,} messages, {megabytes:,.0f} MB, in {seconds:.0f} s"),
        figure("processor time of the command", f"{worked / messages * 1e6:.0f} µs a message"),
        at_most("memory at its highest", max(used), GROWTH_TARGET_MB, "MB"),
        figure("memory in the second half above the first", f"{_growth(used, half):.0f} MB"),
    ]


def _growth(used: list[float], half: int) -> float:
    return max(used[half:]) - max(used[: half + 1])


def _processor_seconds() -> float:
    """Of all processes this one has begun and seen the end of."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _memory(pid: int) -> float:
    """Of the command and the processes it began; what they share is counted once."""
    try:
        command = psutil.Process(pid)
        return sum(_megabytes(each) for each in (command, *command.children(recursive=True)))
    except psutil.NoSuchProcess:
        return 0.0


def _megabytes(process: psutil.Process) -> float:
    try:
        return float(process.memory_full_info().pss) / 1_000_000
    except psutil.NoSuchProcess:
        return 0.0
