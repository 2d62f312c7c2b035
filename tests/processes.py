"""Processes tests talk to over loopback."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent


@contextmanager
def start_fake_provider() -> Iterator[str]:
    """A fake provider (tests/fake_provider.py) on a free port; yields ``http://127.0.0.1:port``."""
    command = [sys.executable, "-m", "tests.fake_provider"]
    process = subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        port = json.loads(process.stdout.readline())["port"]
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=10)
