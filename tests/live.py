"""The product as real processes, for tests that need sockets, signals and restarts."""

import atexit
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import psycopg
from dotenv import dotenv_values
from psycopg import sql

from tests.migrated import TEMPLATE_VARIABLE, sqlite_file

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 30
STOP_SECONDS = 30

# Nothing else of the caller's environment reaches the server: a real provider key must not.
_INHERITED = ("PATH", "HOME", "LANG", "TMPDIR", "DATABASE_URL", "REDIS_URL")
_QUIET_LIMITS = {"LOGIN_MAX": "10000", "REGISTER_MAX": "10000"}


# What new PostgreSQL databases are copies of, if not of the one that tests.postgresql made.
_template = os.environ.get(TEMPLATE_VARIABLE, "")


class LiveServer:
    """One migrated server with a DATA_DIR, a port and (on PostgreSQL) a database of its own.

    ``process`` is the running server's; its output and the commands' go to ``log_path``.
    """

    process: subprocess.Popen[bytes]

    def __init__(
        self,
        *,
        env: dict[str, str] | None = None,
        data_dir: Path | None = None,
        port: int | None = None,
    ) -> None:
        self._owns_data_dir = data_dir is None
        self.data_dir = (data_dir or Path(tempfile.mkdtemp(prefix="librechat-live-"))).resolve()
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self.port = port or free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.log_path = self.data_dir / "server.log"
        self.env = self._environment(env or {})
        self._database = _ScratchDatabase.for_url(self.env.get("DATABASE_URL", ""))
        if self._database:
            self.env["DATABASE_URL"] = self._database.url

    def _environment(self, extra: dict[str, str]) -> dict[str, str]:
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        return {
            # An empty value counts as unset, so a developer's .env stays outside as well.
            **dict.fromkeys(dotenv_values(ROOT / ".env"), ""),
            **inherited,
            **_QUIET_LIMITS,
            "ALLOWED_INTERNAL_HOSTS": "127.0.0.1",
            "PYTHONUNBUFFERED": "1",
            "DJANGO_SETTINGS_MODULE": "librechat_backend.settings",
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "DATA_DIR": str(self.data_dir),
            **extra,
        }

    def migrate(self) -> None:
        self.manage("migrate", "--verbosity", "0")

    def migrate_quickly(self) -> None:
        """As ``migrate()``; a new database is a copy of one that is, which is seconds less."""
        file = self.data_dir / "db.sqlite3"
        if self._database:
            self._database.fill(self.migrate)
        elif self.env.get("DATABASE_URL") or file.exists():
            self.migrate()
        else:
            shutil.copyfile(sqlite_file(), file)

    def start(self, *arguments: str) -> None:
        """Raises AssertionError with the log when the server does not become ready."""
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "librechat_backend", *arguments],
                cwd=ROOT, env=self.env, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + START_SECONDS
        while not self._is_ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise AssertionError(f"The server did not start:\n{self.log()}")
            time.sleep(0.05)

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.base_url}/readyz", timeout=2).status_code == 200
        except httpx.TransportError:
            return False

    def stop(self) -> int:
        """SIGTERM, then the exit code; raises AssertionError when it takes too long."""
        self.process.terminate()
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired as error:
            self.kill()
            raise AssertionError(f"The server did not stop:\n{self.log()}") from error

    def kill(self) -> None:
        """SIGKILL, workers included."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(STOP_SECONDS)

    def restart(self) -> None:
        """Same data, same port; also after ``stop()`` or ``kill()``."""
        if self.process.poll() is None:
            self.stop()
        self.start()

    def close(self) -> None:
        """End what runs and remove the database and a DATA_DIR made here."""
        try:
            if hasattr(self, "process") and self.process.poll() is None:
                self.stop()
        finally:
            if self._database:
                self._database.drop()
            if self._owns_data_dir:
                shutil.rmtree(self.data_dir, ignore_errors=True)

    def log(self) -> str:
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def manage(self, *arguments: str, stdin: str = "") -> str:
        """Run ``manage.py``; its output, or AssertionError with it when it fails."""
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(
            command, cwd=ROOT, env=self.env, input=stdin, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"manage.py {arguments[0]}:\n{done.stdout}"
        return done.stdout

    def execute(self, statement: str, *values: Any) -> None:
        """One SQL statement; much sooner than a process of ``manage.py``."""
        if url := self.env.get("DATABASE_URL"):
            with psycopg.connect(url) as connection:
                connection.execute(statement.encode(), values)
            return
        with closing(sqlite3.connect(self.data_dir / "db.sqlite3", timeout=30)) as opened, opened:
            opened.execute(statement.replace("%s", "?"), values)

    def create_user(self, email: str, password: str, role: str = "USER") -> None:
        """Without the system checks, a fifth of the time: the server makes them when it starts."""
        options = ("--role", role, "--password-stdin", "--skip-checks")
        self.manage("create_user", email, *options, stdin=password)

    def sign_in(self, email: str, password: str) -> str:
        """The access token."""
        credentials = {"email": email, "password": password}
        answer = httpx.post(f"{self.base_url}/api/auth/login", json=credentials, timeout=30)
        assert answer.status_code == 200, answer.text
        token: str = answer.json()["token"]
        return token


@contextmanager
def live_server(
    *, env: dict[str, str] | None = None, data_dir: Path | None = None, port: int | None = None
) -> Iterator[LiveServer]:
    """A migrated, running LiveServer, closed at the end."""
    server = LiveServer(env=env, data_dir=data_dir, port=port)
    try:
        server.migrate_quickly()
        server.start()
        yield server
    finally:
        server.close()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


class _ScratchDatabase:
    """A new PostgreSQL database beside the one ``DATABASE_URL`` names."""

    def __init__(self, maintenance_url: str) -> None:
        self._maintenance_url = maintenance_url
        self._name = f"librechat_live_{uuid4().hex[:12]}"
        self._execute("CREATE DATABASE {}")
        self.url = urlsplit(maintenance_url)._replace(path=f"/{self._name}").geturl()

    @classmethod
    def for_url(cls, url: str) -> "_ScratchDatabase | None":
        return cls(url) if url.startswith("postgres") else None

    def fill(self, migrate: Callable[[], None]) -> None:
        """Migrated; by ``migrate`` for the first of this process."""
        global _template
        if _template:
            self.drop()
            self._execute("CREATE DATABASE {} TEMPLATE {}", _template)
            return
        migrate()
        name = f"librechat_template_{uuid4().hex[:12]}"
        self._execute("CREATE DATABASE {1} TEMPLATE {0}", name)
        atexit.register(self._execute, "DROP DATABASE IF EXISTS {1} WITH (FORCE)", name)
        _template = name

    def drop(self) -> None:
        self._execute("DROP DATABASE IF EXISTS {} WITH (FORCE)")

    def _execute(self, statement: str, other: str = "") -> None:
        """``{0}``, or the first ``{}``, is this database; the second one is ``other``."""
        names = [sql.Identifier(name) for name in (self._name, other)]
        with psycopg.connect(self._maintenance_url, autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*names))
