"""The processes a benchmark needs: the product, an upstream, people who are signed in."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from socket import create_connection

import psutil

from benchmarks.client import Client
from tests.live import LiveServer, free_port

ROOT = Path(__file__).resolve().parent.parent
MODELS = (
    "silent,chunks-1-0,chunks-20-0,chunks-200-0,chunks-2000-0,chunks-100-20,chunks-250-20,"
    "chunks-500-20"
)
PASSWORD = "benchmark-password"  # noqa: S105 - of people who exist for a minute


@contextmanager
def upstream() -> Iterator[int]:
    """The port of a running upstream."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.upstream", str(port)]
    process = subprocess.Popen(command, cwd=ROOT)  # noqa: S603
    try:
        wait_for(port)
        yield port
    finally:
        process.terminate()
        process.wait()


def wait_for(port: int, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with suppress(OSError), create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    raise RuntimeError(f"nothing listens on port {port}")


@contextmanager
def product(upstream_port: int, **env: str) -> Iterator[LiveServer]:
    """A running server whose openAI endpoint is the upstream."""
    server = LiveServer(
        env={
            "OPENAI_API_KEY": "sk-benchmark",
            "OPENAI_REVERSE_PROXY": f"http://127.0.0.1:{upstream_port}/v1",
            "OPENAI_MODELS": MODELS,
            "TITLE_CONVO": "false",
            "LOG_LEVEL": "warning",
            **env,
        }
    )
    try:
        server.migrate_quickly()
        server.start()
        yield server
    finally:
        server.close()


PEOPLE = """
from accounts.services.registration import create_account
for email in {emails}:
    create_account(email=email, name="Somebody", password="{password}", role="USER")
"""


def people(server: LiveServer, count: int) -> list[Client]:
    emails = [f"person{number}@example.com" for number in range(count)]
    server.manage("shell", "-c", PEOPLE.format(emails=emails, password=PASSWORD))
    return [Client(server.port, server.sign_in(email, PASSWORD)) for email in emails]


def memory_bytes(server: LiveServer) -> int:
    """Resident memory of the server and its workers."""
    process = psutil.Process(server.process.pid)
    return sum(each.memory_info().rss for each in [process, *process.children(recursive=True)])


def cpu_seconds(server: LiveServer) -> float:
    process = psutil.Process(server.process.pid)
    times = [each.cpu_times() for each in [process, *process.children(recursive=True)]]
    return float(sum(each.user + each.system for each in times))
