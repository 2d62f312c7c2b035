"""How uploads arrive: slowly, too much, cut off, many at once."""

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from uuid import uuid4

import httpx
import pytest

from tests.files import samples
from tests.files.conftest import ENV, Person, Storage, new_person
from tests.live import free_port, live_server
from tests.s3 import Bucket

BOUNDARY = "frontier"
LIMIT_BYTES = 2 * 1024**2


def form(data: bytes, name: str = "notes.txt", media_type: str = "text/plain") -> bytes:
    fields = {"endpoint": "Demo", "file_id": str(uuid4()), "message_file": "true"}
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'
        for field, value in fields.items()
    ]
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        f"Content-Type: {media_type}\r\n\r\n"
    )
    return "".join([*parts, head]).encode() + data + f"\r\n--{BOUNDARY}--\r\n".encode()


def head_of(person: Person, length: int) -> bytes:
    return (
        f"POST /api/files HTTP/1.1\r\nHost: x\r\n"
        f"Authorization: {person.http.headers['Authorization']}\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n"
        f"Content-Length: {length}\r\n\r\n"
    ).encode()


def wait_until_nothing_is_spooled(storage: Storage) -> None:
    deadline = time.monotonic() + 10
    while storage.spooled():
        assert time.monotonic() < deadline, storage.spooled()
        time.sleep(0.02)


def test_nothing_is_left_when_the_connection_is_cut(storage: Storage, person: Person) -> None:
    before, body = storage.keys(), form(b"x" * 1_000_000)
    for sent in (0, 50, 700_000, len(body) - 1):
        with socket.create_connection(("127.0.0.1", storage.server.port)) as connection:
            connection.sendall(head_of(person, len(body)) + body[:sent])
            time.sleep(0.1)
    wait_until_nothing_is_spooled(storage)
    assert (storage.keys(), person.list()) == (before, [])
    assert "Traceback" not in storage.server.log()


def test_a_body_of_unannounced_length_is_taken(person: Person) -> None:
    body = form(b"hello " * 100_000)

    async def send() -> httpx.Response:
        async def pieces() -> AsyncIterator[bytes]:
            for start in range(0, len(body), 10_000):
                yield body[start : start + 10_000]

        headers = {
            "Authorization": person.http.headers["Authorization"],
            "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
        }
        async with httpx.AsyncClient(base_url=person.base_url, timeout=30) as client:
            return await client.post("/api/files", content=pieces(), headers=headers)

    answer = asyncio.run(send())
    assert (answer.status_code, answer.json()["bytes"]) == (200, 600_000)


def test_others_are_served_while_many_send_slowly(storage: Storage, person: Person) -> None:
    body = form(b"x" * 1000)
    slow = [
        socket.create_connection(("127.0.0.1", storage.server.port), timeout=20) for _ in range(60)
    ]
    try:
        for connection in slow:
            connection.sendall(head_of(person, len(body)) + body[:-500])
        assert person.upload(b"quick").status_code == 200
        assert person.http.get("/api/user").status_code == 200
        slow[0].sendall(body[-500:])
        assert slow[0].recv(100).startswith(b"HTTP/1.1 200 OK")
    finally:
        for connection in slow:
            connection.close()
    wait_until_nothing_is_spooled(storage)
    assert len(person.list()) == 2


async def test_two_hundred_uploads_at_once_are_all_kept(storage: Storage, person: Person) -> None:
    before = storage.keys()
    headers = {"Authorization": person.http.headers["Authorization"]}
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(
        base_url=person.base_url, headers=headers, timeout=120, limits=limits
    ) as client:
        answers = await asyncio.gather(
            *(
                client.post(
                    "/api/files",
                    data={"endpoint": "Demo", "file_id": str(uuid4()), "message_file": "true"},
                    files={"file": ("notes.txt", b"note %d" % number * 500, "text/plain")},
                )
                for number in range(200)
            )
        )
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["file_id"] for answer in answers}) == 200
    assert len(storage.keys() - before) == 200
    assert len(person.list()) == 200
    number, file = 117, answers[117].json()
    stored = person.http.get(f"/api/files/download/x/{file['file_id']}").content
    assert stored == b"note %d" % number * 500


@pytest.mark.parametrize("storage", ["disk"], indirect=True)
def test_a_second_file_and_long_fields_are_refused(storage: Storage, person: Person) -> None:
    twice = [("file", ("a.txt", b"a", "text/plain")), ("file", ("b.txt", b"b", "text/plain"))]
    fields = {"endpoint": "Demo", "file_id": str(uuid4()), "message_file": "true"}
    answer = person.http.post("/api/files", data=fields, files=twice)
    assert (answer.status_code, answer.json()) == (400, {"message": "Upload one file at a time."})
    answer = person.upload(b"a", endpoint="x" * 100_000)
    assert (answer.status_code, answer.json()) == (
        400,
        {"message": "A field of the form is too long."},
    )
    assert storage.spooled() == []


def test_pictures_at_once_are_all_converted(storage: Storage, person: Person) -> None:
    async def upload(client: httpx.AsyncClient) -> httpx.Response:
        fields = {
            "endpoint": "Demo", "file_id": str(uuid4()), "message_file": "true",
            "width": "40", "height": "20",
        }  # fmt: skip
        file = ("cat.png", samples.picture(), "image/png")
        return await client.post("/api/files/images", data=fields, files={"file": file})

    async def upload_all() -> list[httpx.Response]:
        headers = {"Authorization": person.http.headers["Authorization"]}
        async with httpx.AsyncClient(
            base_url=person.base_url, headers=headers, timeout=120
        ) as client:
            return await asyncio.gather(*(upload(client) for _ in range(12)))

    answers = asyncio.run(upload_all())
    assert {answer.status_code for answer in answers} == {200}
    wait_until_nothing_is_spooled(storage)


def test_uploads_are_limited_per_person() -> None:
    with live_server(env=ENV | {"FILE_UPLOAD_USER_MAX": "2"}) as server:
        person, other = new_person(server.base_url), new_person(server.base_url)
        assert [person.upload(b"x").status_code for _ in range(3)] == [200, 200, 429]
        assert person.upload(b"x").json() == {"message": "Too many file uploads. Try again later"}
        assert other.upload(b"x").status_code == 200


def test_a_storage_that_is_away_is_said_to_be() -> None:
    nobody = Bucket(f"http://127.0.0.1:{free_port()}", "files")
    with live_server(env=ENV | nobody.env) as server:
        person = new_person(server.base_url)
        answer = person.upload(b"x")
        assert (answer.status_code, answer.json()) == (
            503,
            {"message": "The file storage cannot be reached right now; try again later."},
        )
        assert person.list() == []


class _Bucket(BaseHTTPRequestHandler):
    """Takes everything, and keeps how it was sent."""

    protocol_version = "HTTP/1.1"
    heads: ClassVar[list[dict[str, str]]] = []

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.heads.append({name.lower(): value for name, value in self.headers.items()})
        self.send_response(200)
        self.send_header("ETag", '"x"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


def test_a_bucket_need_not_know_the_checksums_of_amazon() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Bucket) as bucket:
        threading.Thread(target=bucket.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{bucket.server_port}"
        with live_server(env=ENV | Bucket(address, "files").env) as server:
            assert new_person(server.base_url).upload(b"hello").status_code == 200
        bucket.shutdown()
    (head,) = _Bucket.heads
    assert "s3/aws4_request" in head["authorization"]
    assert [name for name in head if "checksum" in name or "trailer" in name] == []
    assert "aws-chunked" not in head.get("content-encoding", "")
