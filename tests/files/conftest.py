"""A live server for each storage: files arrive over sockets, and only there is it shown that they
are never whole in memory and that a cut connection leaves nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest
from django.db import connection

from tests.live import LiveServer, live_server
from tests.processes import start_fake_provider
from tests.s3 import Bucket, empty_bucket

PASSWORD = "correct horse battery"
# Other tests have their own limits; here is about what happens below them.
ENV = {
    "FILE_UPLOAD_IP_MAX": "100000",
    "FILE_UPLOAD_USER_MAX": "100000",
    "DEMO_PROVIDER": "true",
    "ALLOW_SHARED_LINKS_PUBLIC": "true",
    "REDIS_URL": "",
}


@dataclass
class Storage:
    """The server under test, and what its storage keeps; without ``bucket``, its disk."""

    server: LiveServer
    bucket: Bucket | None = None

    def keys(self) -> set[str]:
        """Of what is stored now."""
        if self.bucket:
            return self.bucket.keys()
        media = self.server.data_dir / "media"
        return {str(path.relative_to(media)) for path in media.rglob("*") if path.is_file()}

    def end_time_of(self, file_id: str) -> None:
        """The file expires now; the next cleaning is minutes away."""
        statement = "UPDATE files_file SET expires_at = %s WHERE file_id = %s"
        self.server.execute(statement, f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f}", file_id)

    def spooled(self) -> list[Path]:
        spool = self.server.data_dir / "uploads"
        return list(spool.iterdir()) if spool.is_dir() else []


@pytest.fixture(scope="package")
def fake() -> Iterator[str]:
    """The provider behind the models of both servers."""
    with start_fake_provider() as address:
        yield address


def provider_env(fake: str) -> dict[str, str]:
    return {
        "OPENAI_API_KEY": "sk-a", "OPENAI_REVERSE_PROXY": f"{fake}/v1",
        "OPENAI_MODELS": "gpt-4.1,gpt-3.5-turbo",
        "ANTHROPIC_API_KEY": "sk-b", "ANTHROPIC_REVERSE_PROXY": fake,
        "ANTHROPIC_MODELS": "claude-fake",
        "GOOGLE_KEY": "sk-c", "GOOGLE_REVERSE_PROXY": fake, "GOOGLE_MODELS": "gemini-fake",
        "GROQ_API_KEY": "", "OLLAMA_BASE_URL": f"{fake}/v1", "OLLAMA_MODELS": "llava",
        "TITLE_CONVO": "false",
    }  # fmt: skip


@pytest.fixture(scope="package")
def on_disk(fake: str) -> Iterator[Storage]:
    with live_server(env=ENV | provider_env(fake)) as server:
        yield Storage(server)


@pytest.fixture(scope="package")
def in_s3(fake: str) -> Iterator[Storage]:
    env = ENV | provider_env(fake)
    with empty_bucket() as bucket, live_server(env=env | bucket.env) as server:
        yield Storage(server, bucket)


# What is on disk on SQLite is so on PostgreSQL.
STORAGES = ["disk", "s3"] if connection.vendor == "sqlite" else ["s3"]


# Not a parameter of the servers' own fixture, or each module would start them anew.
@pytest.fixture(params=STORAGES)
def storage(request: pytest.FixtureRequest) -> Storage:
    servers = {"disk": "on_disk", "s3": "in_s3"}
    found: Storage = request.getfixturevalue(servers[request.param])
    return found


@dataclass
class Person:
    """Somebody signed in: ``http`` sends the token, ``browser`` only cookies, as a picture does."""

    base_url: str
    email: str
    id: str
    http: httpx.Client
    browser: httpx.Client
    uploaded: list[str] = field(default_factory=list)

    def upload(
        self,
        data: bytes,
        name: str = "notes.txt",
        media_type: str = "text/plain",
        *,
        path: str = "/api/files",
        **fields: str,
    ) -> httpx.Response:
        """As the client sends it: the name percent-encoded, the fields first."""
        form = {
            "endpoint": "Demo", "endpointType": "custom", "file_id": str(uuid4()),
            "message_file": "true", **fields,
        }  # fmt: skip
        file = (quote(name, safe="!~*'()"), data, media_type)
        return self.http.post(path, data=form, files={"file": file})

    def upload_picture(
        self, data: bytes, name: str = "cat.png", media_type: str = "image/png", **fields: str
    ) -> httpx.Response:
        size = {"width": "10", "height": "10"}
        return self.upload(data, name, media_type, path="/api/files/images", **size | fields)

    def delete(self, *files: dict[str, Any]) -> httpx.Response:
        return self.http.request("DELETE", "/api/files", json={"files": list(files)})

    def list(self) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = self.http.get("/api/files").json()
        return listed


def new_person(base_url: str) -> Person:
    """Registered and signed in."""
    email = f"{uuid4().hex[:12]}@example.com"
    browser = httpx.Client(base_url=base_url, timeout=60)
    person = {"name": "Ada", "email": email, "password": PASSWORD, "confirm_password": PASSWORD}
    assert browser.post("/api/auth/register", json=person).status_code == 200
    answer = browser.post("/api/auth/login", json={"email": email, "password": PASSWORD}).json()
    headers = {"Authorization": f"Bearer {answer['token']}"}
    http = httpx.Client(base_url=base_url, headers=headers, timeout=60)
    return Person(base_url, email, answer["user"]["id"], http, browser)


@pytest.fixture
def person(storage: Storage) -> Iterator[Person]:
    made = new_person(storage.server.base_url)
    yield made
    made.http.close()
    made.browser.close()


@pytest.fixture
def other(storage: Storage) -> Iterator[Person]:
    """The stranger."""
    made = new_person(storage.server.base_url)
    yield made
    made.http.close()
    made.browser.close()
