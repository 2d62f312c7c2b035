"""POST /api/convos/import over sockets, against a running server (contract 03 §4.2)."""

import json
import socket
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.conversations.imports.conftest import zipped
from tests.conversations.imports.sources import node, tides
from tests.files.conftest import Person, new_person
from tests.live import LiveServer, live_server

IMPORT = "/api/convos/import"
LIMIT = 300_000
USER_MAX = 9
WAIT_SECONDS = 30
ENV = {
    # A lease that ends within a test.
    "DJANGO_SETTINGS_MODULE": "tests.librechat_backend.task_settings",
    "CONVERSATION_IMPORT_MAX_FILE_SIZE_BYTES": str(LIMIT),
    "IMPORT_USER_MAX": str(USER_MAX),
    "DEMO_PROVIDER": "true",
}


@pytest.fixture(scope="module")
def server() -> Iterator[LiveServer]:
    with live_server(env=ENV) as running:
        yield running


@pytest.fixture
def person(server: LiveServer) -> Person:
    return new_person(server.base_url)


def upload(
    person: Person, content: Any, name: str = "chats.json", kind: str = "application/json"
) -> httpx.Response:
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    file = (quote(name, safe=""), data, kind)
    return person.http.post(IMPORT, files={"file": file})


def titles(person: Person) -> list[str]:
    listed = person.http.get("/api/convos", params={"limit": 100}).json()["conversations"]
    return [chat["title"] for chat in listed]


def left(server: LiveServer) -> list[str]:
    directories = [server.data_dir / "uploads", server.data_dir / "imports"]
    return [path.name for each in directories if each.is_dir() for path in each.iterdir()]


def test_small_file_is_imported_within_the_request(server: LiveServer, person: Person) -> None:
    answer = upload(person, [tides()], "Tides & mōre.json")
    assert answer.status_code == 201
    body = answer.json()
    assert body["message"] == "Conversation(s) imported successfully"
    assert (body["status"], body["found"], body["added"], body["filename"]) == (
        "done", 1, 1, "Tides & mōre.json",
    )  # fmt: skip
    listed = person.http.get("/api/convos").json()["conversations"]
    assert [(c["title"], c["createdAt"], c["updatedAt"], c["endpoint"]) for c in listed] == [
        ("Tides", "2023-11-14T22:13:20.250Z", "2023-11-14T22:13:20.250Z", "Demo")
    ]
    messages = person.http.get(f"/api/messages/{listed[0]['conversationId']}").json()
    assert [message["text"] for message in messages] == [
        "When is high tide?", "At noon.", "And low tide?", "At midnight.",
    ]  # fmt: skip
    assert left(server) == []


def test_import_is_told_to_its_owner_alone(server: LiveServer, person: Person) -> None:
    done = upload(person, [tides()]).json()
    path = f"{IMPORT}/{done['importId']}"
    assert person.http.get(path).json() == done
    assert person.http.get(IMPORT).json() == {"imports": [done]}
    stranger = new_person(server.base_url)
    assert stranger.http.get(path).status_code == 404
    assert stranger.http.get(path).json() == {"message": "Import not found"}
    assert stranger.http.get(IMPORT).json() == {"imports": []}
    assert httpx.post(f"{server.base_url}{IMPORT}", content=b"x").status_code == 401


def test_archive_is_accepted(person: Person) -> None:
    archive = zipped({"conversations.json": [tides()], "../../etc/passwd": b"x"})
    answer = upload(person, archive, "export.zip", "application/zip")
    assert (answer.status_code, answer.json()["added"]) == (201, 1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "The file is empty."),
        (b'[{"mapping": nan}]', "The file cannot be read from byte 15 (line 1) on: it is not"),
        (b'[\n{"a": 1},\n\n{"b": x}]', "The file cannot be read from byte 20 (line 4) on"),
        (b'[{"mapping": {}', "The file ends too early, at byte 15."),
        (b'[{"title": "\xff"}]', "The file cannot be read from byte 13 (line 1) on"),
        (b'{"a": 1}', "Unsupported import type"),
        (b"[1, 2]", "Unsupported import type"),
        (b'"text"', "Unsupported import type"),
        (b'[{"mapping": [1]}]', "mapping is not an object"),
        (b'{"conversationId": "x", "messages": "y"}', "messages is not a list"),
        (b"PK\x03\x04 no archive", "The archive is damaged."),
    ],
)
def test_file_that_cannot_be_read_says_why(
    content: bytes, message: str, server: LiveServer
) -> None:
    person = new_person(server.base_url)
    answer = upload(person, content)
    assert answer.status_code == 400
    assert answer.json()["message"].startswith(message)
    assert (titles(person), left(server)) == ([], [])


def test_chats_before_a_fault_are_kept(person: Person) -> None:
    content = json.dumps([tides(), tides(id="c-2")]).encode()[:-1] + b', {"mapping": oops}]'
    answer = upload(person, content)
    place = content.index(b"oops") + 1
    assert answer.status_code == 400
    assert answer.json()["message"] == (
        f"The file cannot be read from byte {place} (line 1) on: it is not valid JSON. "
        "Imported before that: 2."
    )
    assert titles(person) == ["Tides", "Tides"]


def test_what_was_skipped_is_reported(person: Person) -> None:
    answer = upload(person, [tides(), {"title": "Odd", "mapping": 1}, 7])
    assert (answer.status_code, answer.json()["skipped"]) == (201, 2)
    assert answer.json()["report"] == [
        {"number": 2, "title": "Odd", "reason": "mapping is not an object"},
        {"number": 3, "title": "", "reason": "It is no chat of a known program."},
    ]


@pytest.mark.parametrize("is_announced", [True, False])
def test_file_beyond_the_limit_is_refused(
    is_announced: bool, server: LiveServer, person: Person
) -> None:
    size = LIMIT * 10 if is_announced else LIMIT + 1
    answer = upload(person, b"[" + b" " * size)
    assert answer.status_code == 413
    assert answer.json() == {"message": "File exceeds the maximum allowed size"}
    assert left(server) == []


def test_other_kinds_of_files_are_refused(server: LiveServer, person: Person) -> None:
    answer = upload(person, b"hello", "notes.txt", "text/plain")
    assert (answer.status_code, answer.json()) == (
        415, {"message": "Only JSON files are allowed"},
    )  # fmt: skip
    assert left(server) == []


def test_form_without_a_file_is_refused(person: Person) -> None:
    answer = person.http.post(IMPORT, files={"other": ("x.json", b"[]", "application/json")})
    assert (answer.status_code, answer.json()) == (
        400, {"message": "There is no file in the upload."},
    )  # fmt: skip


def test_too_many_imports_are_refused(person: Person) -> None:
    for _ in range(USER_MAX):
        assert upload(person, b"[]").status_code == 201
    answer = upload(person, b"[]")
    assert answer.status_code == 429
    message = "Too many conversation import requests. Try again later"
    assert answer.json() == {"message": message}


def test_cut_connection_leaves_nothing(server: LiveServer, person: Person) -> None:
    token = person.http.headers["authorization"]
    head = (
        f"POST {IMPORT} HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 200000\r\n\r\n"
        '--b\r\nContent-Disposition: form-data; name="file"; filename="x.json"\r\n'
        "Content-Type: application/json\r\n\r\n["
    )
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(head.encode() + b" " * 100_000)
        _wait_until(lambda: len(left(server)) == 1)
    _wait_until(lambda: left(server) == [])
    assert person.http.get(IMPORT).json() == {"imports": []}


def test_import_is_finished_when_the_server_was_killed_in_the_middle() -> None:
    chats = [tides(id=f"c-{number}", title=f"Chat {number}") for number in range(150)]
    big = {str(n): node(str(n), str(n - 1), f"word{n}") for n in range(700)}
    chats.insert(5, tides(id="big", title="Big") | {"mapping": big})
    env = ENV | {"CONVERSATION_IMPORT_MAX_FILE_SIZE_BYTES": "100000000"}
    with live_server(env=env) as server:
        person = new_person(server.base_url)
        with pytest.raises(httpx.TransportError):
            _upload_and(server.kill, server, person, chats)
        server.start()
        _wait_until(lambda: person.http.get(IMPORT).json()["imports"][0]["status"] == "done")
        row = person.http.get(IMPORT).json()["imports"][0]
        assert (row["found"], row["skipped"]) == (151, 0)
        assert 0 < row["known"] < 151
        script = (
            "from conversations.models import *; from django.db.models import Count;"
            "chats = Conversation.objects.filter(is_temporary=False, expired_at=None);"
            "print(chats.count(), Message.objects.count(), SearchEntry.objects.count(),"
            " set(chats.exclude(title='Big').annotate(n=Count('messages'))"
            ".values_list('n', flat=True)))"
        )
        printed = server.manage("shell", "--no-imports", "-c", script)
        assert printed.strip() == f"151 {150 * 4 + 700} {150 * 4 + 700 + 151} {{4}}"
        assert left(server) == []


def _upload_and(stop: Any, server: LiveServer, person: Person, chats: Any) -> None:
    from threading import Thread

    def stop_in_the_middle() -> None:
        headers = dict(person.http.headers)
        with httpx.Client(base_url=server.base_url, headers=headers) as watching:
            _wait_until(lambda: "Chat 30" in _search(watching))
        stop()

    thread = Thread(target=stop_in_the_middle)
    thread.start()
    try:
        upload(person, chats)
    finally:
        thread.join()


def _search(client: httpx.Client) -> list[str]:
    answer = client.get("/api/convos", params={"search": "Chat 30", "limit": 10})
    return [chat["title"] for chat in answer.json()["conversations"]]


def _wait_until(condition: Any) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
