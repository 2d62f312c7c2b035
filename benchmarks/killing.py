"""A move that is killed at ten random moments: are the rows those of one that was not?"""

import hashlib
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.report import Row, at_least, at_most, figure
from tests.live import ROOT, LiveServer
from tests.moving.commands import env_file
from tests.moving.dumps import write_dump, write_kept
from tests.moving.strange_database import StrangeDatabase
from tests.moving.test_killed import TABLES

CHATS, SMOKE_CHATS = 10_000, 100
KILLS, SMOKE_KILLS = 10, 2
LENGTH = 10
CHATS_PER_PERSON = 100
ROWS_AT_ONCE = 2_000
LOOK_SECONDS, DELAY_SECONDS = 0.02, 0.5


def run(*, smoke: bool, **env: str) -> list[Row]:
    chats, kills = (SMOKE_CHATS, SMOKE_KILLS) if smoke else (CHATS, KILLS)
    old = StrangeDatabase(
        people=max(5, chats // CHATS_PER_PERSON), conversations=chats, length=LENGTH
    )
    whole, killed = LiveServer(env=env), LiveServer(env=env)
    try:
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory)
            dump, kept = write_dump(path / "dump", old), write_kept(path / "old", old)
            options = [str(dump), "--env", str(env_file(path)), "--files", str(kept)]
            return _measure(whole, killed, options, kills)
    finally:
        whole.close()
        killed.close()


def _measure(
    whole: LiveServer, killed: LiveServer, options: Sequence[str], kills: int
) -> list[Row]:
    whole.migrate_quickly()
    killed.migrate_quickly()
    began = time.monotonic()
    _begin(whole, options).wait()
    seconds = time.monotonic() - began
    shares = sorted(random.random() for _ in range(kills))  # noqa: S311 - no secret
    messages = _messages(whole)
    died = sum(_dies(killed, options, int(share * messages)) for share in shares)
    _begin(killed, options).wait()
    differing = [name for name in TABLES if _digest(whole, name) != _digest(killed, name)]
    return [
        figure("without a kill", f"{seconds:.0f} s"),
        at_least("killed before it was done", died, kills, "times"),
        at_most("tables that differ" + "".join(f" {name}" for name in differing),
                len(differing), 0, f"of {len(TABLES)}"),
    ]  # fmt: skip


def _begin(server: LiveServer, options: Sequence[str]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "manage.py", "import_librechat", *options]
    with server.log_path.open("ab") as log:
        return subprocess.Popen(  # noqa: S603
            command, cwd=ROOT, env=server.env, stdout=log, stderr=log
        )


def _dies(server: LiveServer, options: Sequence[str], messages: int) -> bool:
    """Killed some time after that many are here, wherever it is then."""
    process = _begin(server, options)
    while process.poll() is None:
        if _messages(server) >= messages:
            time.sleep(random.random() * DELAY_SECONDS)  # noqa: S311 - no secret
            process.kill()
            return process.wait() == -signal.SIGKILL
        time.sleep(LOOK_SECONDS)
    return False


def _messages(server: LiveServer) -> int:
    with _opened(server) as connection:
        counted = connection.execute("SELECT count(*) FROM conversations_message").fetchone()
        return int(counted[0])


def _digest(server: LiveServer, table: str) -> tuple[int, int]:
    """How many rows, and a sum over them that knows no order."""
    count, total = 0, 0
    with _opened(server) as connection:
        cursor = connection.cursor()
        cursor.execute(f"SELECT {TABLES[table]} FROM {table}")  # noqa: S608 — names of our own
        while rows := cursor.fetchmany(ROWS_AT_ONCE):
            count += len(rows)
            total += sum(_number(row) for row in rows)
    return count, total


def _opened(server: LiveServer) -> Any:
    if url := server.env.get("DATABASE_URL"):
        return psycopg.connect(url)
    return sqlite3.connect(server.data_dir / "db.sqlite3")


def _number(row: Sequence[Any]) -> int:
    return int.from_bytes(hashlib.sha256(repr(row).encode()).digest(), "big")
