"""A database with all its tables, made once for all processes of tests: to migrate takes ten
seconds of a processor, to copy none.

SQLite's is a file, kept below .pytest_cache until a line of code changes. PostgreSQL's is a
template in the server of ``tests.postgresql``, which names it in TEMPLATE_VARIABLE.
"""

import fcntl
import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

from django.db.backends.signals import connection_created
from dotenv import dotenv_values

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE_VARIABLE = "TEST_POSTGRES_TEMPLATE"
_KEPT = ROOT / ".pytest_cache" / "migrated"


@cache
def sqlite_file() -> Path:
    """A migrated SQLite database, to copy."""
    _KEPT.mkdir(parents=True, exist_ok=True)
    path = _KEPT / f"{_fingerprint()}.sqlite3"
    with (_KEPT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            for old in _KEPT.glob("*.sqlite3"):
                old.unlink()
            _make(path)
    return path


def migrate(**env: str) -> None:
    """Raises CalledProcessError."""
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0", "--skip-checks"]
    # An empty value counts as unset: a developer's .env, and the database it names, stay outside.
    own = dict.fromkeys(dotenv_values(ROOT / ".env"), "")
    environ = {**own, "PATH": os.environ["PATH"], **env}
    subprocess.run(command, cwd=ROOT, env=environ, check=True)


def begin_with_tables() -> None:
    """Have the SQLite database of each process of tests begin as a copy."""
    connection_created.connect(_fill, dispatch_uid="tests.migrated")


def _fill(connection: Any, **_: Any) -> None:
    names = connection.settings_dict
    if connection.vendor != "sqlite" or names["NAME"] != names["TEST"]["NAME"]:
        return
    here = connection.connection
    if here.execute("SELECT 1 FROM sqlite_master").fetchone() is None:
        with closing(sqlite3.connect(sqlite_file())) as migrated:
            migrated.backup(here)


def _make(path: Path) -> None:
    with tempfile.TemporaryDirectory(dir=_KEPT) as directory:
        migrate(DATA_DIR=directory)
        shutil.move(Path(directory) / "db.sqlite3", path)


def _fingerprint() -> str:
    """Of all that has a say in what the tables are."""
    found = hashlib.sha256()
    rooms = [each for each in ROOT.iterdir() if (each / "__init__.py").exists()]
    sources = sorted(path for room in rooms for path in room.rglob("*.py") if room.name != "tests")
    for path in [ROOT / "requirements.txt", *sources]:
        found.update(f"{path} {path.stat().st_size}\n".encode() + path.read_bytes())
    return found.hexdigest()[:16]
