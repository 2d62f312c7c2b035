"""Upload, list, download, delete: the same on disk and in S3 (contract 04 §1)."""

import hashlib
import json
import re
from datetime import datetime
from urllib.parse import unquote
from uuid import UUID, uuid4

import httpx
import pytest

from tests.files import samples
from tests.files.conftest import Person, Storage


def test_a_document_comes_back_as_it_was(storage: Storage, person: Person) -> None:
    data, temporary = samples.pdf("One", "Two"), str(uuid4())
    before = storage.keys()
    answer = person.upload(data, "Plan März.pdf", "application/pdf", file_id=temporary)
    assert answer.status_code == 200, answer.text
    file = answer.json()
    file_id = str(UUID(file["file_id"]))
    assert file_id != temporary
    created, updated = (
        datetime.fromisoformat(file.pop(f"{what}At")) for what in ("created", "updated")
    )
    assert created <= updated
    assert file == {
        "message": "File uploaded and processed successfully",
        "_id": file["_id"],
        "file_id": file_id,
        "temp_file_id": temporary,
        "user": person.id,
        "object": "file",
        "filename": "Plan März.pdf",
        "filepath": f"/uploads/{person.id}/{file_id}__Plan_März.pdf",
        "type": "application/pdf",
        "bytes": len(data),
        "source": "local",
        "context": "message_attachment",
        "usage": 0,
        "embedded": False,
    }
    assert len(storage.keys() - before) == 1
    assert storage.spooled() == []
    (listed,) = person.list()
    assert {name: listed[name] for name in ("file_id", "filename")} == {
        "file_id": file_id,
        "filename": "Plan März.pdf",
    }
    download = person.http.get(f"/api/files/download/{person.id}/{file_id}")
    assert download.content == data
    assert download.headers["Content-Type"] == "application/octet-stream"
    assert download.headers["Content-Disposition"] == (
        "attachment; filename=\"Plan M_rz.pdf\"; filename*=UTF-8''Plan%20M%C3%A4rz.pdf"
    )
    assert download.headers["X-Content-Type-Options"] == "nosniff"
    metadata = json.loads(unquote(download.headers["X-File-Metadata"]))
    assert metadata["filename"] == "Plan März.pdf"
    assert metadata.keys().isdisjoint({"_id", "user", "text", "tenantId"})


def test_a_picture_is_shown_to_its_owners_browser(storage: Storage, person: Person) -> None:
    answer = person.upload_picture(samples.picture(), "cat.png")
    assert answer.status_code == 200, answer.text
    file = answer.json()
    assert (file["width"], file["height"], file["type"]) == (40, 20, "image/png")
    assert file["filepath"] == f"/images/{person.id}/{file['file_id']}__cat.png"
    shown = person.browser.get(file["filepath"])
    assert (shown.status_code, shown.headers["Content-Type"]) == (200, "image/png")
    assert shown.headers["Content-Disposition"] == 'inline; filename="cat.png"'
    assert shown.headers["Cache-Control"] == "private, no-cache"
    assert "sandbox" in shown.headers["Content-Security-Policy"]
    assert len(shown.content) == file["bytes"]
    again = person.browser.get(file["filepath"], headers={"If-None-Match": shown.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_everything_goes_with_a_deleted_file(storage: Storage, person: Person) -> None:
    before = storage.keys()
    file = person.upload_picture(samples.picture()).json()
    text = person.upload(b"hello").json()
    assert len(storage.keys() - before) == 2
    answer = person.delete(file, text)
    assert (answer.status_code, answer.json()) == (
        200,
        {"message": "Files deleted successfully"},
    )
    assert storage.keys() == before
    assert person.list() == []
    assert person.browser.get(file["filepath"]).status_code == 404
    gone = person.http.get(f"/api/files/download/{person.id}/{text['file_id']}")
    assert (gone.status_code, gone.json()) == (
        404,
        {"error": "File not found", "message": "File not found"},
    )
    assert person.delete(file).status_code == 200


@pytest.mark.parametrize(
    "entry", [{}, {"file_id": "x"}, {"filepath": "/x"}, {"file_id": 5, "filepath": "/x"}, 7, None]
)
def test_entries_that_name_no_file_are_ignored(person: Person, entry: object) -> None:
    answer = person.http.request("DELETE", "/api/files", json={"files": [entry]})
    assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ("bytes=0-4", b"01234"),
        ("bytes=95-", b"56789"),
        ("bytes=-3", b"789"),
        ("bytes=90-1000", b"0123456789"),
    ],
)
def test_a_section_is_sent_when_it_is_asked_for(
    person: Person, section: str, expected: bytes
) -> None:
    data = b"0123456789" * 10
    file_id = person.upload(data).json()["file_id"]
    url = f"/api/files/download/{person.id}/{file_id}"
    answer = person.http.get(url, headers={"Range": section})
    assert (answer.status_code, answer.content) == (206, expected)
    start = data.index(expected) if section != "bytes=90-1000" else 90
    start = {"bytes=95-": 95, "bytes=-3": 97}.get(section, start)
    assert answer.headers["Content-Range"] == f"bytes {start}-{start + len(expected) - 1}/100"


def test_whole_or_refused_when_the_section_is_no_use(person: Person) -> None:
    file_id = person.upload(b"hello").json()["file_id"]
    url = f"/api/files/download/{person.id}/{file_id}"
    for section in ("bytes=a-b", "lines=1-2", "bytes=0-1,3-4", "bytes=3-1", "bytes=-"):
        answer = person.http.get(url, headers={"Range": section})
        assert (answer.status_code, answer.content) == (200, b"hello")
    refused = person.http.get(url, headers={"Range": "bytes=5-"})
    assert (refused.status_code, refused.headers["Content-Range"]) == (416, "bytes */5")
    stale = person.http.get(url, headers={"Range": "bytes=0-1", "If-Range": '"other"'})
    assert (stale.status_code, stale.content) == (200, b"hello")


def test_head_tells_without_sending(person: Person) -> None:
    file_id = person.upload(b"hello").json()["file_id"]
    answer = person.http.head(f"/api/files/download/{person.id}/{file_id}")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Content-Length"] == "5"


def test_an_avatar_is_public_and_replaces_the_last_one(storage: Storage, person: Person) -> None:
    before = storage.keys()
    urls = []
    for number in range(2):
        files = {"file": ("avatar.png", samples.picture(300 + number, 200), "image/png")}
        answer = person.http.post("/api/files/images/avatar", data={"manual": "true"}, files=files)
        assert answer.status_code == 200, answer.text
        urls.append(answer.json()["url"])
    assert urls[1].startswith(f"/images/{person.id}/avatar-")
    assert urls[1].endswith(".png?manual=true")
    assert person.http.get("/api/user").json()["avatar"] == urls[1]
    seen = httpx.get(person.base_url + urls[1])
    assert (seen.status_code, seen.headers["Content-Type"]) == (200, "image/png")
    assert seen.headers["Cache-Control"].startswith("public")
    assert httpx.get(person.base_url + urls[0]).status_code == 401
    assert len(storage.keys() - before) == 1
    assert person.list() == []


def test_an_animated_avatar_stays_animated(person: Person) -> None:
    files = {"file": ("avatar.gif", samples.animation(), "image/gif")}
    answer = person.http.post("/api/files/images/avatar", data={"manual": "true"}, files=files)
    seen = httpx.get(person.base_url + answer.json()["url"])
    assert seen.headers["Content-Type"] == "image/gif"
    assert samples.size_of(seen.content) == ("GIF", 250, 250, 3)


def test_the_same_bytes_are_stored(storage: Storage, person: Person) -> None:
    data = hashlib.shake_256(b"seed").digest(3_000_000)
    answer = person.upload(data, "data.zip", "application/x-zip-compressed")
    assert answer.status_code == 415  # no ZIP at all
    data = b"PK\x03\x04" + data
    file = person.upload(data, "data.zip", "application/x-zip-compressed").json()
    assert file["type"] == "application/zip"
    stored = person.http.get(f"/api/files/download/{person.id}/{file['file_id']}").content
    assert hashlib.sha256(stored).digest() == hashlib.sha256(data).digest()


@pytest.mark.parametrize(
    ("fields", "status", "message"),
    [
        ({"file_id": "x"}, 400, "file_id: expected a UUID"),
        ({"endpoint": ""}, 400, "endpoint: expected the name of an endpoint"),
        ({"message_file": "false"}, 400, "message_file: expected true"),
        (
            {"tool_resource": "execute_code"},
            400,
            "Uploading for this purpose is not available here.",
        ),
        ({"message_file": "", "agent_id": "agent_x"}, 404, "Agent not found"),
    ],
)
def test_nothing_is_left_of_a_form_that_is_refused(
    storage: Storage, person: Person, fields: dict[str, str], status: int, message: str
) -> None:
    before = storage.keys()
    answer = person.upload(b"hello", **fields)
    assert (answer.status_code, answer.json()["message"]) == (status, message)
    assert (storage.keys(), storage.spooled(), person.list()) == (before, [], [])


def test_forms_that_are_none_are_refused(person: Person) -> None:
    for body, kind in (
        (b"", "multipart/form-data"),
        (b"{}", "application/json"),
        (b"--x\r\nbroken", "multipart/form-data; boundary=x"),
        (b"--x--", "multipart/form-data; boundary=x"),
    ):
        answer = person.http.post("/api/files", content=body, headers={"Content-Type": kind})
        assert answer.status_code == 400, (body, answer.text)
        assert answer.json()["message"]


def test_an_empty_file_and_one_without_a_known_type_are_refused(person: Person) -> None:
    assert person.upload(b"").json() == {"message": "The file is missing or empty."}
    answer = person.upload(b"\x00\x01", "thing.xyz", "application/octet-stream")
    assert (answer.status_code, answer.json()) == (
        415,
        {"message": "Unsupported file type (application/octet-stream)."},
    )


def test_the_types_of_source_code_come_from_its_name(person: Person) -> None:
    for name, expected in (
        ("a.py", "text/x-python"),
        ("b.rs", "text/plain"),
        ("c.md", "text/markdown"),
    ):
        answer = person.upload(b"hello", name, "application/octet-stream")
        assert answer.json()["type"] == expected


def test_nothing_is_stored_of_a_hostile_file(storage: Storage, person: Person) -> None:
    """On disk and in S3; what each is answered is in test_hostile."""
    before = storage.keys()
    pdf, as_text = "application/pdf", {"tool_resource": "context"}
    answers = [
        person.upload_picture(samples.png_claiming(50_000, 50_000)),
        person.upload_picture(samples.picture()[:60]),
        person.upload(b"<html><script>alert(1)</script>", "cat.png", "image/png"),
        person.upload(samples.pdf(password="secret"), "plan.pdf", pdf),
        person.upload(samples.pdf_claiming_pages(10**6), "plan.pdf", pdf, **as_text),
        person.upload(samples.docx_bomb(), "plan.docx", samples.DOCX_TYPE, **as_text),
    ]
    assert [answer.status_code for answer in answers] == [400, 400, 415, 400, 400, 400]
    assert (storage.keys(), storage.spooled(), person.list()) == (before, [], [])


def test_a_hostile_name_is_no_path_and_no_header(storage: Storage, person: Person) -> None:
    before = storage.keys()
    for name in ("../../etc/passwd", "a\x00b.txt", "invoice\u202etxt.exe", "a\r\nX-Mark: 1.txt"):
        file = person.upload(b"hello", name).json()
        download = person.http.get(f"/api/files/download/{person.id}/{file['file_id']}")
        assert (download.content, "X-Mark" in download.headers) == (b"hello", False)
    assert all(
        re.fullmatch("files/[0-9a-f]{2}/[0-9a-f-]{36}", key) for key in storage.keys() - before
    )
    assert len(storage.keys() - before) == 4
