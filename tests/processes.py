"""Processes tests talk to over loopback."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent


def start_fake_provider() -> AbstractContextManager[str]:
    """A fake provider (tests/fake_provider.py) on a free port; yields ``http://127.0.0.1:port``."""
    return _start("tests.fake_provider")


def start_fake_identity() -> AbstractContextManager[str]:
    """Fake identity providers (tests/fake_identity.py), likewise."""
    return _start("tests.fake_identity")


@contextmanager
def start_mail_sink() -> Iterator[str]:
    """A mail server (tests/mail_sink.py) that costs the caller's process no time; its port."""
    with _start("tests.mail_sink") as url:
        yield url.rpartition(":")[2]


@contextmanager
def _start(module: str) -> Iterator[str]:
    command = [sys.executable, "-m", module]
    process = subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        port = json.loads(process.stdout.readline())["port"]
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=10)
