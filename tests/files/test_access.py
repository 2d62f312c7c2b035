"""Who may see which file: a stranger, a browser that is logged out, the owner."""

from collections.abc import Iterator

import httpx
import pytest

from tests.files import samples
from tests.files.conftest import Person, Storage


@pytest.fixture
def logged_out(storage: Storage) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=storage.server.base_url) as client:
        yield client


def test_strangers_find_nothing(
    storage: Storage, person: Person, other: Person, logged_out: httpx.Client
) -> None:
    picture = person.upload_picture(samples.picture()).json()
    text = person.upload(b"secret").json()
    stored = storage.keys()
    for file in (picture, text):
        for user_id in (person.id, other.id):
            url = f"/api/files/download/{user_id}/{file['file_id']}"
            assert other.http.get(url).status_code == 404
            assert logged_out.get(url).status_code == 401
            assert other.browser.get(url).status_code == 401  # a cookie alone is not enough
        assert other.http.get(f"/api/files/{file['file_id']}/preview").status_code == 404
        assert logged_out.get(f"/api/files/{file['file_id']}/preview").status_code == 401
    assert other.browser.get(picture["filepath"]).status_code == 404
    assert other.http.get(picture["filepath"]).status_code == 404
    assert logged_out.get(picture["filepath"]).status_code == 401
    assert person.browser.get(picture["filepath"]).status_code == 200
    assert person.http.get(picture["filepath"]).status_code == 200
    # Nothing of a document is served by its address.
    assert b"secret" not in person.browser.get(text["filepath"]).content
    assert other.list() == []
    assert storage.keys() == stored


def test_a_foreign_file_saves_all_others_from_being_deleted(
    storage: Storage, person: Person, other: Person
) -> None:
    theirs, own = person.upload(b"theirs").json(), other.upload(b"own").json()
    stored = storage.keys()
    answer = other.delete(own, theirs)
    assert (answer.status_code, answer.json()) == (
        403,
        {
            "message": "You can only delete files you have access to",
            "unauthorizedFiles": [theirs["file_id"]],
        },
    )
    assert (len(other.list()), len(person.list())) == (1, 1)
    assert storage.keys() == stored


def test_a_picture_is_not_shown_after_signing_out(person: Person) -> None:
    file = person.upload_picture(samples.picture()).json()
    cookies = dict(person.browser.cookies)
    with httpx.Client(base_url=person.base_url, cookies=cookies) as left:
        assert left.get(file["filepath"]).status_code == 200
        token = person.http.headers["Authorization"]
        left.post("/api/auth/logout", headers={"Authorization": token}).raise_for_status()
        left.cookies.update(cookies)
        assert left.get(file["filepath"]).status_code == 401


@pytest.mark.parametrize("cookie", ["", "x", "a.b.c", "\u00e9", "6b012fd27686422d58eac19d.x.y"])
def test_a_made_up_cookie_opens_nothing(person: Person, cookie: str) -> None:
    file = person.upload_picture(samples.picture()).json()
    headers = {b"Cookie": f"refreshToken={cookie}".encode()}
    assert httpx.get(person.base_url + file["filepath"], headers=headers).status_code == 401


def test_a_picture_is_still_shown_after_the_cookie_was_renewed(person: Person) -> None:
    file = person.upload_picture(samples.picture()).json()
    assert person.browser.post("/api/auth/refresh").status_code == 200
    assert person.browser.get(file["filepath"]).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/images/x/../../db.sqlite3",
        "/images/x/..%2f..%2fdb.sqlite3",
        "/images/%00/%00",
        "/images/x/a\u202eb",
        "/api/files/download/x/%00",
        "/api/files/download/x/..%2f..%2fsecrets.json",
    ],
)
def test_no_path_leads_elsewhere(person: Person, path: str) -> None:
    for client in (person.http, person.browser):
        assert client.get(path).status_code in (401, 404)
        assert b"SQLite" not in client.get(path).content


def test_usage_counts_only_what_is_there_and_ones_own(person: Person, other: Person) -> None:
    own = person.upload(b"own").json()["file_id"]
    foreign = other.upload(b"theirs").json()["file_id"]
    held = person.http.post("/api/files/usage", json={"file_ids": [own, foreign, "x"]})
    assert held.json() == {"held": 1}
    for body, code in (
        ({}, "INVALID_FILE_IDS"),
        ({"file_ids": [1]}, "INVALID_FILE_IDS"),
        ({"file_ids": ["x"] * 11}, "TOO_MANY_FILES"),
    ):
        answer = person.http.post("/api/files/usage", json=body)
        assert (answer.status_code, answer.json()) == (400, {"code": code, "max": 10})
