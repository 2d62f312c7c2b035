"""A file far larger than memory should hold, up and down again: on disk and in a bucket."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import httpx

from benchmarks.report import Row, at_most, figure
from benchmarks.setup import memory_bytes, people, product
from tests.live import LiveServer
from tests.s3 import empty_bucket

MEBIBYTE = 1024**2
BOUNDARY = "frontier"
RULES = "from files.models import FileRules; FileRules.objects.create(file_megabytes=2000)"


def run_in_bucket(*, smoke: bool) -> list[Row]:
    """Moto's, or of the server TEST_S3_ENDPOINT names (tests/s3.py)."""
    with empty_bucket() as bucket:
        return run(smoke=smoke, name="S3", **bucket.env)


def run(*, smoke: bool, name: str = "disk", **env: str) -> list[Row]:
    count = 20 if smoke else 1024
    with product(9, FILE_UPLOAD_USER_MAX="1000", **env) as server:
        server.manage("shell", "-c", RULES)
        token = people(server, 1)[0].token
        headers = {"Authorization": f"Bearer {token}"}
        with httpx.Client(base_url=server.base_url, headers=headers, timeout=600) as client:
            _send(client, 1)  # what is loaded at first use does not count
            growth: list[float] = []
            with _watched(server, growth):
                begin = time.perf_counter()
                file_id = _send(client, count)
                up = time.perf_counter() - begin
            with _watched(server, growth):
                begin = time.perf_counter()
                received = _fetch(client, file_id)
                down = time.perf_counter() - begin
    assert received == count * MEBIBYTE, received  # noqa: S101
    return [
        at_most(f"{name}: memory grown by an upload of {count} MB", growth[0], 32, "MB"),
        at_most(f"{name}: memory grown by its download", growth[1], 32, "MB"),
        figure(f"{name}: up / down", f"{count / up:,.0f} / {count / down:,.0f} MB/s"),
    ]


def _body(count: int) -> Iterator[bytes]:
    fields = {"endpoint": "openAI", "file_id": str(uuid4()), "message_file": "true"}
    for field, value in fields.items():
        yield (
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'
        ).encode()
    yield (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n'
        "Content-Type: video/mp4\r\n\r\n"
    ).encode()
    chunk = bytes(range(256)) * 4096
    for _ in range(count):
        yield chunk
    yield f"\r\n--{BOUNDARY}--\r\n".encode()


def _send(client: httpx.Client, count: int) -> str:
    kind = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    answer = client.post("/api/files", content=_body(count), headers=kind)
    answer.raise_for_status()
    file_id: str = answer.json()["file_id"]
    return file_id


def _fetch(client: httpx.Client, file_id: str) -> int:
    with client.stream("GET", f"/api/files/download/x/{file_id}") as answer:
        return sum(len(chunk) for chunk in answer.iter_raw())


@contextmanager
def _watched(server: LiveServer, growth: list[float]) -> Iterator[None]:
    """Adds by how many MB the memory of the server was larger than at the beginning, at most."""
    before, largest, stop = memory_bytes(server), [0], threading.Event()

    def watch() -> None:
        while not stop.wait(0.05):
            largest[0] = max(largest[0], memory_bytes(server))

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield
    finally:
        stop.set()
        watching.join()
        growth.append(max(0, largest[0] - before) / 1e6)
