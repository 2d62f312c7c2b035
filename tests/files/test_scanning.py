"""Virus checks by a clamd, played by a socket that speaks its protocol."""

import json
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.files.conftest import ENV, new_person
from tests.live import LiveServer, free_port, live_server

pytestmark = pytest.mark.one_database

VIRUS, SLOW = b"VIRUS", b"SLOW"


def _serve(listener: socket.socket) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection, connection.makefile("rb") as stream:
            assert stream.read(10) == b"zINSTREAM\0"
            data = b""
            while length := struct.unpack("!L", stream.read(4))[0]:
                data += stream.read(length)
            if SLOW in data:
                time.sleep(2.5)
            found = b"Test-Signature FOUND" if VIRUS in data else b"OK"
            connection.sendall(b"stream: " + found + b"\0")


@contextmanager
def clamd() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_serve, args=(listener,), daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


@pytest.fixture(scope="module")
def server() -> Iterator[LiveServer]:
    with clamd() as port:
        env = ENV | {"CLAMD_ADDRESS": f"127.0.0.1:{port}", "FILE_UPLOAD_SSE": "true"}
        with live_server(env=env) as running:
            yield running


def test_infected_files_are_refused_and_others_kept(server: LiveServer) -> None:
    person = new_person(server.base_url)
    assert person.upload(b"harmless" * 100_000).status_code == 200
    answer = person.upload(b"x" * 700_000 + VIRUS)
    assert (answer.status_code, answer.json()) == (
        400,
        {"message": "The file contains a virus."},
    )
    assert len(person.list()) == 1


def test_nothing_passes_unseen_when_nobody_can_look() -> None:
    with live_server(env=ENV | {"CLAMD_ADDRESS": f"127.0.0.1:{free_port()}"}) as server:
        person = new_person(server.base_url)
        answer = person.upload(b"harmless")
        assert (answer.status_code, answer.json()) == (
            503,
            {"message": "The file could not be checked for viruses; try again later."},
        )
        assert person.list() == []


def test_signs_of_life_are_sent_while_an_upload_is_worked_on(server: LiveServer) -> None:
    """For who asks for them; what is quick or refused at once is answered as ever (04 §1.6)."""
    person = new_person(server.base_url)
    assert person.http.get("/api/config").json()["fileUploadSseEnabled"] is True
    slow = person.upload(SLOW)
    assert slow.headers["Content-Type"] == "application/json"
    person.http.headers["Accept"] = "text/event-stream"
    assert person.upload(b"quick").json()["bytes"] == 5
    assert person.upload(b"x", "a.exe", "application/x-msdownload").status_code == 415
    events = _events(person.upload(SLOW).text)
    names = [name for name, _ in events]
    assert names[:2] == ["heartbeat", "heartbeat"]
    assert set(names[2:-2]) <= {"heartbeat"}  # more on a busy machine
    assert names[-2:] == ["data", "close"]
    assert events[1][1] == {"keepAlive": 2}
    assert events[-2][1]["bytes"] == len(SLOW)
    _, (name, refusal), _ = _events(person.upload(SLOW + VIRUS).text)[-3:]
    assert (name, refusal) == (
        "error",
        {"message": "The file contains a virus.", "code": 400, "display_to_user": True},
    )
    assert len(person.list()) == 3


def _events(text: str) -> list[tuple[str, Any]]:
    frames = [frame.split("\n") for frame in text.strip().split("\n\n")]
    assert [lines[0] for lines in frames] == [f"id: {n + 1}" for n in range(len(frames))]
    return [(name[len("event: ") :], json.loads(data[len("data: ") :])) for _, name, data in frames]
