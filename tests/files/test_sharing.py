"""A file from upload to its end, and who may open each of its addresses meanwhile."""

import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from django.urls import URLPattern, URLResolver, get_resolver
from PIL import Image

from tests.files import samples
from tests.files.conftest import Person, Storage
from tests.files.test_chat import ask, messages

JSON = dict[str, Any]
SHARE = "api/share/<chat_id:share_id>/files/<chat_id:file_id>"
# Who asks: the owner by token and by cookie, somebody else by token and by cookie, nobody.
# ``None``: the route is not about one file.
OPENED: dict[str, tuple[int, ...] | None] = {
    "api/files/download/<str:user_id>/<str:file_id>": (200, 401, 404, 401, 401),
    "api/files/download-url/<str:user_id>/<str:file_id>": (501, 401, 404, 401, 401),
    "api/files/<str:file_id>/preview": (200, 401, 404, 401, 401),
    "images/<str:user_id>/<str:name>": (200, 200, 404, 404, 401),
    "api/files/agent/<str:agent_id>": None,
    SHARE: (200, 200, 200, 200, 200),
    f"{SHARE}/download": (200, 200, 200, 200, 200),
    f"{SHARE}/preview": (200, 200, 200, 200, 200),
}
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
ACTIVE = [
    (SVG, "x.svg", "image/svg+xml"),
    (b"<script>alert(1)</script>", "x.html", "text/html"),
    (samples.pdf("One"), "x.pdf", "application/pdf"),
]


@dataclass
class Everybody:
    """Who asks, in the order of OPENED."""

    clients: tuple[httpx.Client, ...]

    def statuses(self, path: str) -> tuple[int, ...]:
        return tuple(client.get(path).status_code for client in self.clients)


@pytest.fixture
def everybody(person: Person, other: Person) -> Iterator[Everybody]:
    with httpx.Client(base_url=person.base_url) as nobody:
        yield Everybody((person.http, person.browser, other.http, other.browser, nobody))


def share(person: Person, *files: JSON) -> str:
    """A chat with ``files`` shared by a link; the link's id."""
    model = person.http.get("/api/models").json()["Demo"][0]
    fields = {"endpointType": "custom", "model": model}
    conversation_id = ask(person, "Demo", list(files), **fields)
    shown = messages(person, conversation_id)[0]["files"]
    assert [file["file_id"] for file in shown] == [file["file_id"] for file in files]
    answer = person.http.post(f"/api/share/{conversation_id}", json={})
    assert answer.status_code == 200, answer.text
    share_id: str = answer.json()["shareId"]
    return share_id


def _path(route: str, file: JSON, share_id: str) -> str:
    values = {
        "user_id": file["user"], "file_id": file["file_id"], "share_id": share_id,
        "name": file["filepath"].rpartition("/")[2],
    }  # fmt: skip
    for name, value in values.items():
        route = route.replace(f"<str:{name}>", value).replace(f"<chat_id:{name}>", value)
    return f"/{route}"


def _routes(patterns: Iterable[URLPattern | URLResolver], prefix: str = "") -> Iterator[str]:
    for each in patterns:
        route = prefix + str(each.pattern)
        if isinstance(each, URLResolver):
            yield from _routes(each.url_patterns, route)
        else:
            yield route


def test_every_address_of_a_file_is_known_here() -> None:
    found = {
        route
        for urls in ("librechat_backend.urls", "librechat_backend.lean_urls")
        for route in _routes(get_resolver(urls).url_patterns)
        if re.match("(api|images|uploads)/", route)
        and "<" in route
        and any(word in route for word in ("file", "image", "upload"))
    }
    assert found == OPENED.keys()


def test_each_address_opens_to_whom_it_should(
    storage: Storage, person: Person, everybody: Everybody
) -> None:
    """The same file, while it is shared, when it no longer is, and when it is deleted."""
    file = person.upload_picture(samples.picture()).json()
    share_id = share(person, file)
    routes = {_path(route, file, share_id): who for route, who in OPENED.items() if who}
    assert {path: everybody.statuses(path) for path in routes} == routes
    assert person.http.delete(f"/api/share/{share_id}").status_code == 200
    shared = [path for path in routes if path.startswith("/api/share/")]
    assert {everybody.statuses(path) for path in shared} == {(404,) * 5}
    before = storage.keys()
    assert person.delete(file).status_code == 200
    assert len(before) - len(storage.keys()) == 1
    for path, who in routes.items():
        gone = tuple(404 if status in (200, 501) else status for status in who)
        assert everybody.statuses(path) == gone, path


def test_a_file_from_upload_to_its_end(storage: Storage, person: Person, other: Person) -> None:
    before = storage.keys()
    file = person.upload(b"the plan", "plan.txt").json()
    assert [each["file_id"] for each in person.list()] == [file["file_id"]]
    share_id = share(person, file)
    address = f"/api/share/{share_id}/files/{file['file_id']}/download"
    assert other.http.get(address).content == b"the plan"
    assert httpx.get(person.base_url + address).content == b"the plan"
    storage.end_time_of(file["file_id"])
    gone = other.http.get(address)
    assert (gone.status_code, gone.json()) == (404, {"message": "File no longer available"})
    storage.server.manage("clean_files")
    assert storage.keys() == before


def test_nothing_opens_from_the_moment_its_time_is_over(
    storage: Storage, person: Person, everybody: Everybody
) -> None:
    """Before anything has removed it."""
    file = person.upload_picture(samples.picture()).json()
    share_id = share(person, file)
    kept = storage.keys()
    storage.end_time_of(file["file_id"])
    assert (storage.keys(), person.list()) == (kept, [])
    for route, who in OPENED.items():
        if who:
            gone = tuple(404 if status in (200, 501) else status for status in who)
            assert everybody.statuses(_path(route, file, share_id)) == gone, route
    held = person.http.post("/api/files/usage", json={"file_ids": [file["file_id"]]})
    assert held.json() == {"held": 0}
    model = person.http.get("/api/models").json()["Demo"][0]
    fields = {"endpointType": "custom", "model": model}
    assert "files" not in messages(person, ask(person, "Demo", [file], **fields))[0]


def test_shared_documents_run_nothing(person: Person, other: Person) -> None:
    files = [person.upload(*each).json() for each in ACTIVE]
    share_id = share(person, *files)
    for file, (data, name, _) in zip(files, ACTIVE, strict=True):
        for rest in ("", "/download"):
            address = f"/api/share/{share_id}/files/{file['file_id']}{rest}"
            answer = other.browser.get(address)
            assert (answer.status_code, answer.content) == (200, data)
            assert answer.headers["Content-Type"] == "application/octet-stream"
            assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}"'
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            policy = answer.headers["Content-Security-Policy"]
            assert policy.startswith("default-src 'none'")
            assert policy.endswith("sandbox")


def test_a_shared_picture_is_only_a_picture(person: Person, other: Person) -> None:
    file = person.upload_picture(samples.picture() + b"<script>alert(1)</script>").json()
    share_id = share(person, file)
    answer = other.browser.get(f"/api/share/{share_id}/files/{file['file_id']}")
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"].endswith("sandbox")
    assert b"<script" not in answer.content
    assert Image.open(io.BytesIO(answer.content)).size == (file["width"], file["height"])


@pytest.mark.parametrize("share_id", ["x", "5d0c1f6e-2b7a-4c1d-9a40-7f2f5d0c1f6e", "%00", ".."])
def test_a_made_up_link_opens_nothing(person: Person, other: Person, share_id: str) -> None:
    file = person.upload(b"secret").json()
    for rest in ("", "/download", "/preview"):
        answer = other.http.get(f"/api/share/{share_id}/files/{file['file_id']}{rest}")
        assert answer.status_code == 404
        assert b"secret" not in answer.content
