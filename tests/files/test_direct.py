"""Uploads straight into the bucket, and downloads straight from it."""

from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.files import samples
from tests.files.conftest import ENV, Person, Storage, new_person
from tests.live import live_server
from tests.s3 import empty_bucket

UPLOADS = "/api/files/uploads"


def begin(person: Person, data: bytes, name: str, media_type: str, **fields: Any) -> httpx.Response:
    wanted = {
        "filename": name, "type": media_type, "bytes": len(data), "endpoint": "Demo",
        "file_id": str(uuid4()),
    }  # fmt: skip
    return person.http.post(UPLOADS, json=wanted | fields)


def finish(person: Person, ticket: dict[str, Any]) -> httpx.Response:
    return person.http.post(f"{UPLOADS}/finish", json={"uploadId": ticket["uploadId"]})


def test_a_file_takes_the_short_way(storage: Storage, person: Person, other: Person) -> None:
    data = b"PK\x03\x04" + b"x" * 500_000
    begun = begin(person, data, "50% März.zip", "application/zip")
    if not storage.bucket:
        assert (begun.status_code, begun.json()) == (
            501,
            {"message": "This storage takes no direct uploads."},
        )
        return
    assert begun.status_code == 201, begun.text
    ticket, before = begun.json(), storage.keys()
    assert finish(person, ticket).status_code == 404  # nothing was sent so far
    sent = httpx.put(ticket["url"], content=data, headers=ticket["headers"])
    assert sent.status_code == 200, sent.text
    assert finish(other, ticket).status_code == 404
    file = finish(person, ticket).json()
    assert (file["filename"], file["bytes"]) == ("50% März.zip", len(data))
    assert person.http.get(f"/api/files/download/x/{file['file_id']}").content == data
    assert finish(person, ticket).status_code == 404
    assert (len(storage.keys() - before), storage.spooled()) == (1, [])


def test_what_was_sent_is_checked_like_any_upload(storage: Storage, person: Person) -> None:
    if not storage.bucket:
        pytest.skip("the bucket only")
    before = storage.keys()
    for data, name, media_type, status in (
        (b"MZ", "plan.pdf", "application/pdf", 415),
        (samples.png_claiming(50_000, 50_000), "big.png", "image/png", 400),
    ):
        ticket = begin(person, data, name, media_type).json()
        httpx.put(ticket["url"], content=data, headers=ticket["headers"]).raise_for_status()
        assert finish(person, ticket).status_code == status
    assert (storage.keys(), person.list()) == (before, [])


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"bytes": 0}, 400),
        ({"bytes": "7"}, 400),
        ({"bytes": 513 * 1024**2}, 413),
        ({"file_id": "x"}, 400),
        ({"endpoint": None}, 400),
        ({"tool_resource": "execute_code"}, 400),
    ],
)
def test_tickets_are_refused_as_uploads_are(
    storage: Storage, person: Person, fields: dict[str, Any], status: int
) -> None:
    expected = status if storage.bucket else 501
    assert begin(person, b"x", "a.txt", "text/plain", **fields).status_code == expected


def test_made_up_tickets_are_worth_nothing(person: Person) -> None:
    for upload_id in ("", "x", "a:b:c", 5, None):
        answer = person.http.post(f"{UPLOADS}/finish", json={"uploadId": upload_id})
        assert (answer.status_code, answer.json()) == (404, {"message": "Upload not found"})
    assert person.http.post(UPLOADS, json=[]).status_code == 400
    assert person.list() == []


def test_browsers_are_sent_to_the_bucket_where_that_is_wanted() -> None:
    """The address is signed when it is asked for, and appears in no list."""
    with empty_bucket() as bucket:
        env = ENV | bucket.env | {"S3_DIRECT_DOWNLOADS": "true"}
        with live_server(env=env) as server:
            person, other = new_person(server.base_url), new_person(server.base_url)
            file = person.upload(b"hello", "Größe.txt").json()
            assert (file["source"], "Signature" in str(person.list())) == ("s3", False)
            url = f"/api/files/download-url/{person.id}/{file['file_id']}"
            assert other.http.get(url).status_code == 404
            answer = person.http.get(url)
            assert answer.headers["Cache-Control"] == "no-store"
            assert httpx.get(answer.json()["url"]).content == b"hello"
            picture = person.upload_picture(samples.picture()).json()
            sent = person.browser.get(picture["filepath"])
            assert (sent.status_code, sent.headers["Cache-Control"]) == (302, "no-store")
            seen = httpx.get(sent.headers["Location"])
            assert (seen.status_code, len(seen.content)) == (200, picture["bytes"])
            assert other.browser.get(picture["filepath"]).status_code == 404
