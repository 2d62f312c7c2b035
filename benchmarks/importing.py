"""A large file of chats: the memory it takes, and what people who chat meanwhile notice of it."""

import json
import random
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from benchmarks.report import Row, at_most, figure, percentile
from benchmarks.setup import PASSWORD, memory_bytes
from tests.live import LiveServer, live_server

FILE_BYTES, SMOKE_FILE_BYTES = 50_000_000, 1_000_000
MEMORY_TARGET_MB = 64.0
READ_TARGET_MS, WRITE_TARGET_MS = 100.0, 200.0
PAUSE_SECONDS = 0.1
STARTED = 1_700_000_000
EMAIL = "importer@example.com"


def run(*, smoke: bool) -> list[Row]:
    with (
        tempfile.TemporaryDirectory() as directory,
        live_server(env={"SESSION_EXPIRY": "7200000", "LOG_LEVEL": "warning"}) as server,
    ):
        path = Path(directory) / "chats.json"
        _write(path, SMOKE_FILE_BYTES if smoke else FILE_BYTES)
        server.create_user(EMAIL, PASSWORD)
        headers = {"Authorization": f"Bearer {server.sign_in(EMAIL, PASSWORD)}"}
        with httpx.Client(base_url=server.base_url, headers=headers, timeout=120) as client:
            return _measure(server, client, path)


def _measure(server: LiveServer, client: httpx.Client, path: Path) -> list[Row]:
    _upload(client, b"[]")  # what is loaded once is not counted
    watch = _Watch(server, client)
    before, began = memory_bytes(server), time.monotonic()
    with path.open("rb") as file:
        row = _upload(client, file)
    while row["finishedAt"] is None:
        time.sleep(0.2)
        row = client.get(f"/api/convos/import/{row['importId']}").json()
    seconds = time.monotonic() - began
    watch.end()
    grown = (watch.peak_bytes - before) / 1_000_000
    megabytes = path.stat().st_size / 1_000_000
    return [
        at_most(f"memory while {megabytes:.0f} MB are imported", grown, MEMORY_TARGET_MB, "MB"),
        figure("chats imported", f"{row['added']:,} in {seconds:.0f} s"),
        at_most("list of somebody meanwhile, p95", watch.p95(watch.reads), READ_TARGET_MS, "ms"),
        at_most("a write meanwhile, p95", watch.p95(watch.writes), WRITE_TARGET_MS, "ms"),
    ]


class _Watch:
    """Memory, and requests as somebody else would make them, until it is ended."""

    def __init__(self, server: LiveServer, client: httpx.Client) -> None:
        self.peak_bytes = 0
        self.reads: list[float] = []
        self.writes: list[float] = []
        self._server, self._client = server, client
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def end(self) -> None:
        self._over.set()
        self._thread.join()

    def p95(self, seconds: list[float]) -> float:
        return percentile(seconds, 0.95) * 1000

    def _run(self) -> None:
        while not self._over.wait(PAUSE_SECONDS):
            self.peak_bytes = max(self.peak_bytes, memory_bytes(self._server))
            began = time.monotonic()
            self._client.get("/api/convos")
            read = time.monotonic()
            self._client.post("/api/tags", json={"tag": f"t{len(self.writes)}"})
            self.reads.append(read - began)
            self.writes.append(time.monotonic() - read)


def _upload(client: httpx.Client, content: Any) -> dict[str, Any]:
    file = ("chats.json", content, "application/json")
    answer: dict[str, Any] = client.post("/api/convos/import", files={"file": file}).json()
    return answer


def _write(path: Path, size: int) -> None:
    """About ``size`` bytes in the shape of ChatGPT's export."""
    with path.open("w", encoding="utf-8") as file:
        separator = "["
        for chat in _chats():
            file.write(separator + json.dumps(chat))
            separator = ","
            if file.tell() >= size:
                break
        file.write("]")


def _chats() -> Iterator[dict[str, Any]]:
    dice = random.Random(1)  # noqa: S311 - the same file each time
    letters = "abcdefghijklmnop"
    words = ["".join(dice.choices(letters, k=dice.randint(2, 9))) for _ in range(5000)]
    number = 0
    while True:
        started = STARTED + number * 100
        nodes: dict[str, Any] = {}
        for index in range(dice.randint(4, 60)):
            text = " ".join(dice.choices(words, k=dice.randint(10, 400)))
            name, role = f"{number}-{index}", "assistant" if index % 2 else "user"
            message = {
                "author": {"role": role},
                "create_time": started + index,
                "content": {"content_type": "text", "parts": [text]},
            }
            nodes[name] = {"parent": f"{number}-{index - 1}", "children": [], "message": message}
        title = f"Chat {number}"
        yield {"id": str(number), "title": title, "create_time": started, "mapping": nodes}
        number += 1
