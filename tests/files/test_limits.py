"""Rules held against uploads of a live server: sizes, kinds, quota, retention, temporary chats."""

import asyncio
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import uuid4

import httpx
import pytest

from tests.files import samples
from tests.files.conftest import ENV, Person, Storage, new_person
from tests.live import live_server

MEGABYTE = 1024**2


@pytest.fixture(scope="module")
def limited() -> Iterator[Storage]:
    """A server that allows 3 MB a file, 2 MB a message, 4 MB a person, no audio, and less for
    Anthropic."""
    with live_server(env=ENV) as server:
        server.manage(
            "shell",
            "-c",
            "from files.models import *;"
            "r = FileRules.objects.create(file_megabytes=3, quota_megabytes=4, retention_days=2,"
            " total_megabytes=2,"
            " families=['text', 'images', 'archives'], avatar_megabytes=1);"
            "EndpointRules.objects.create(rules=r, endpoint='anthropic', file_megabytes=1);"
            "EndpointRules.objects.create(rules=r, endpoint='Closed', is_enabled=False);"
            "from accounts.models import Group;"
            "g = FileRules.objects.create(group=Group.objects.create(name='Band', slug='band'),"
            " file_megabytes=2, families=['audio']);"
            "EndpointRules.objects.create(rules=g, endpoint='Closed', is_enabled=True);"
            "EndpointRules.objects.create(rules=g, endpoint='Demo', is_enabled=False)",
        )
        yield Storage(server)


@pytest.fixture
def ada(limited: Storage) -> Iterator[Person]:
    made = new_person(limited.server.base_url)
    yield made
    made.http.close()
    made.browser.close()


@pytest.mark.parametrize(
    ("endpoint", "size", "limit"),
    [("Demo", 3 * MEGABYTE + 1, "3"), ("anthropic", MEGABYTE + 1, "1"), ("Demo", 9_000_000, "3")],
)
def test_larger_files_are_refused(
    limited: Storage, ada: Person, endpoint: str, size: int, limit: str
) -> None:
    before = limited.keys()
    answer = ada.upload(b"x" * size, endpoint=endpoint)
    assert (answer.status_code, answer.json()) == (
        413,
        {"message": f"The file is too large. At most {limit} MB are allowed."},
    )
    assert (limited.keys(), limited.spooled(), ada.list()) == (before, [], [])


def test_the_limit_itself_is_allowed(ada: Person) -> None:
    assert ada.upload(b"x" * 3 * MEGABYTE).status_code == 200


def test_other_kinds_and_closed_endpoints_are_refused(ada: Person) -> None:
    answer = ada.upload(b"ID3", "song.mp3", "audio/mpeg")
    assert (answer.status_code, answer.json()) == (
        415,
        {"message": "Unsupported file type (audio/mpeg)."},
    )
    answer = ada.upload(b"x", endpoint="closed")
    assert (answer.status_code, answer.json()) == (
        403,
        {"message": "File uploads are switched off here."},
    )


TYPES = {
    "notes.txt": ("text/plain", b"notes"),
    "song.mp3": ("audio/mpeg", b"ID3"),
    "all.zip": ("application/zip", b"PK\x03\x04"),
    "clip.mp4": ("video/mp4", b"\x00\x00\x00\x18ftypmp42"),
}


@pytest.mark.parametrize(
    ("is_member", "closed", "size", "kinds"),
    [(False, "Closed", 3, {"notes.txt", "all.zip"}), (True, "Demo", 2, {"song.mp3"})],
)
def test_the_client_is_told_what_holds(
    limited: Storage, ada: Person, is_member: bool, closed: str, size: int, kinds: set[str]
) -> None:
    """For everyone and for a group that has rules of its own."""
    if is_member:
        code = (
            "from accounts.models import *; Membership.objects.create("
            f"user_id={ada.id!r}, group=Group.objects.get(slug='band'))"
        )
        limited.server.manage("shell", "-v", "0", "-c", code)
    told = ada.http.get("/api/files/config").json()["endpoints"]
    assert told["default"]["fileSizeLimit"] == size
    assert {name for name, limits in told.items() if limits["disabled"]} == {closed}
    for name, limits in told.items():
        if limits["disabled"]:
            assert ada.upload(b"x", endpoint=name).status_code == 403
            continue
        patterns = limits["supportedMimeTypes"]
        for file, (kind, data) in TYPES.items():
            is_told = any(re.search(pattern, kind) for pattern in patterns)
            answer = ada.upload(data, file, kind, endpoint=name)
            assert (answer.status_code == 200) == is_told == (file in kinds), (name, file)
            if not is_told:
                assert answer.status_code == 415
                assert answer.json() == {"message": f"Unsupported file type ({kind})."}
        file = min(kinds)
        kind, data = TYPES[file]
        large = data.ljust(limits["fileSizeLimit"] * MEGABYTE + 1, b"x")
        answer = ada.upload(large, file, kind, endpoint=name)
        message = f"The file is too large. At most {limits['fileSizeLimit']} MB are allowed."
        assert (answer.status_code, answer.json()) == (413, {"message": message})
        ada.delete(*ada.list())


def test_a_message_is_refused_with_more_than_its_endpoint_allows(ada: Person) -> None:
    """However the files came there."""
    files = [ada.upload(b"x" * 1_200_000).json() for _ in range(2)]
    model = ada.http.get("/api/models").json()["Demo"][0]
    body = {"text": "Hi", "endpoint": "Demo", "model": model, "files": files}
    answer = ada.http.post("/api/agents/chat/Demo", json=body)
    message = "The files of a message can have 2 MB together."
    assert (answer.status_code, answer.json()) == (400, {"error": message})
    alone = ada.http.post("/api/agents/chat/Demo", json=body | {"files": files[:1]})
    assert alone.status_code == 200, alone.text


def test_nobody_gets_more_than_their_space(limited: Storage, ada: Person) -> None:
    assert ada.upload(b"x" * 2_500_000).status_code == 200
    answer = ada.upload(b"x" * 2_500_000)
    message = "Your files would take more than the 4 MB you have. Delete some files first."
    assert (answer.status_code, answer.json()) == (413, {"message": message})
    assert len(ada.list()) == 1
    ada.delete(*ada.list())
    assert ada.upload(b"x" * 2_500_000).status_code == 200


def test_uploads_at_once_do_not_share_the_last_place(limited: Storage, ada: Person) -> None:
    async def upload_all() -> list[httpx.Response]:
        headers = {"Authorization": ada.http.headers["Authorization"]}
        async with httpx.AsyncClient(base_url=ada.base_url, headers=headers, timeout=60) as client:
            return await asyncio.gather(
                *(
                    client.post(
                        "/api/files",
                        data={"endpoint": "Demo", "file_id": str(uuid4()), "message_file": "true"},
                        files={"file": ("a.txt", b"x" * 900_000, "text/plain")},
                    )
                    for _ in range(12)
                )
            )

    before = limited.keys()
    codes = [answer.status_code for answer in asyncio.run(upload_all())]
    assert (codes.count(200), codes.count(413)) == (4, 8)
    assert sum(file["bytes"] for file in ada.list()) == 3_600_000
    assert len(limited.keys() - before) == 4


def test_an_avatar_has_a_limit_of_its_own(ada: Person) -> None:
    files = {"file": ("avatar.png", b"\x89PNG\r\n\x1a\n" + b"x" * MEGABYTE, "image/png")}
    answer = ada.http.post("/api/files/images/avatar", files=files)
    assert (answer.status_code, answer.json()["message"]) == (
        413,
        "The file is too large. At most 1 MB are allowed.",
    )
    files = {"file": ("avatar.png", b"no picture", "image/png")}
    assert ada.http.post("/api/files/images/avatar", files=files).status_code == 415


def test_files_end_with_their_time(ada: Person) -> None:
    def days_left(**fields: str) -> float:
        file = ada.upload(b"x", **fields).json()
        lasts = datetime.fromisoformat(file["expiredAt"]) - datetime.fromisoformat(
            file["createdAt"]
        )
        return round(lasts / timedelta(days=1), 2)

    assert days_left() == 2
    assert days_left(isTemporary="true") == 2  # sooner than the 30 of a temporary chat


def test_a_long_picture_needs_no_more_than_its_result(ada: Person) -> None:
    """What counts is what is stored."""
    data = samples.picture(4000, 3000)
    file = ada.upload_picture(data).json()
    assert (file["width"], file["height"]) == (1024, 768)
    assert file["bytes"] < len(data)
