"""The server as a process: Ctrl-C, and several workers on one port."""

import os
import resource
import signal
import time

import httpx
import pytest
from django.conf import settings

from librechat_backend.server import OPEN_FILES
from tests.live import STOP_SECONDS, LiveServer, live_server

# Longer than Channels waits for a message before it asks again.
IDLE_SECONDS = 6


def test_server_ends_cleanly_when_interrupted() -> None:
    with live_server() as server:
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(STOP_SECONDS) == 0
        assert "Traceback" not in server.log()


def test_server_has_as_many_connections_as_the_system_allows() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 512), hard))
    try:
        with live_server() as server:
            allowed, _ = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert allowed == min(hard, OPEN_FILES)


def test_first_administrator_is_announced_once() -> None:
    server = LiveServer()
    try:
        first = server.manage("migrate", "-v0") + server.manage("bootstrap_admin")
        assert "Password:" in first
        assert server.manage("bootstrap_admin") == ""
    finally:
        server.close()


def test_first_administrator_is_told_while_the_server_runs() -> None:
    """Also into a file, as of a container: there it waited for the end of the server."""
    server = LiveServer(env={"PYTHONUNBUFFERED": ""})
    try:
        server.migrate_quickly()
        server.start("--prepare")
        assert "Password:" in server.log()
    finally:
        server.close()


@pytest.mark.redis
@pytest.mark.skipif(not settings.REDIS_URL, reason="no REDIS_URL")
def test_workers_share_a_port_and_are_quiet_while_idle() -> None:
    with live_server(env={"WORKERS": "2"}) as server:
        workers = _children(server.process.pid)
        time.sleep(IDLE_SECONDS)
        assert httpx.get(f"{server.base_url}/readyz").status_code == 200
        assert server.stop() == 0
        assert "[error" not in server.log()
        assert len(workers) >= 2
        _wait_until_gone(workers)


def _children(pid: int) -> list[str]:
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return file.read().split()


def _wait_until_gone(pids: list[str]) -> None:
    """Python's own helper process notices a moment later that its parent has ended."""
    deadline = time.monotonic() + STOP_SECONDS
    while remaining := [pid for pid in pids if os.path.exists(f"/proc/{pid}")]:
        assert time.monotonic() < deadline, remaining
        time.sleep(0.05)
