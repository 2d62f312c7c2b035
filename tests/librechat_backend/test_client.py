"""Serving the built web client."""

import base64
import hashlib
import os
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from librechat_backend.client import CHUNK_BYTES, ClientFiles
from tests.librechat_backend.asgi_client import ask

SCRIPT = "window.started = true;"
INDEX = (
    f'<html lang="en-US"><head><base href="/" /><script>{SCRIPT}</script>'
    '<script type="module" src="./assets/index.Ab3-x_9Z.js"></script></head></html>'
)
SECRET = "not for the web"  # noqa: S105
HASHED = "/assets/index.Ab3-x_9Z.js"


@pytest.fixture
def build(tmp_path: Path) -> Path:
    root = tmp_path / "dist"
    (root / "assets").mkdir(parents=True)
    (tmp_path / "secret.txt").write_text(SECRET)
    for name, text in {
        "index.html": INDEX,
        "sw.js": "worker",
        "sw-heal.js": "heal",
        "manifest.webmanifest": "{}",
        "robots.txt": "User-agent: *",
        "workbox-1b73dcc2.js": "box",
        "assets/logo.svg": "<svg/>",
        "assets/index.Ab3-x_9Z.js": "plain",
        "assets/index.Ab3-x_9Z.js.gz": "zipped",
        "assets/index.Ab3-x_9Z.js.br": "brotli",
    }.items():
        (root / name).write_text(text)
    return root


@pytest.fixture
def files(build: Path) -> ClientFiles:
    return ClientFiles(build)


@pytest.mark.parametrize(
    "path",
    ["/", "/index.html", "/c/new", "/login", "/share/abc", "/d/prompts", "/prompts/v1.5", "/x/"],
)
async def test_page_answers_when_path_is_no_file(path: str, files: ClientFiles) -> None:
    answer = await ask(files, path)
    assert answer.status == 200
    assert answer.body.decode() == INDEX
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache, no-store, must-revalidate"
    assert answer.headers["pragma"] == "no-cache"
    assert answer.headers["expires"] == "0"
    assert answer.headers["content-length"] == str(len(INDEX))


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_page_answers_any_method(method: str, files: ClientFiles) -> None:
    assert (await ask(files, "/oauth/success", method=method)).body.decode() == INDEX


async def test_page_has_no_body_when_only_its_head_is_asked_for(files: ClientFiles) -> None:
    answer = await ask(files, "/c/new", method="HEAD")
    assert answer.body == b""
    assert answer.headers["content-length"] == str(len(INDEX))


@pytest.mark.parametrize(
    ("headers", "language"),
    [
        ({}, "en-US"),
        ({"accept_language": "de-AT,de;q=0.9,en;q=0.8"}, "de-AT"),
        ({"accept_language": "fr;q=0.5"}, "fr"),
        ({"accept_language": "*"}, "en-US"),
        ({"cookie": "theme=dark; lang=pt-BR", "accept_language": "de"}, "pt-BR"),
        ({"cookie": 'state={"a":1}; lang=it'}, "it"),
        ({"cookie": "lang=", "accept_language": "de"}, "de"),
        ({"cookie": 'lang=x"><script>alert(1)'}, "x&quot;&gt;&lt;script&gt;alert(1)"),
        ({"accept_language": "x\"'<b>"}, "x&quot;&#x27;&lt;b&gt;"),
    ],
)
async def test_page_is_in_the_persons_language(
    headers: dict[str, str], language: str, files: ClientFiles
) -> None:
    answer = await ask(files, "/", **headers)
    assert answer.body.decode() == INDEX.replace('lang="en-US"', f'lang="{language}"')


async def test_base_is_the_path_of_the_public_address(build: Path, settings: Settings) -> None:
    settings.DOMAIN_CLIENT = "https://example.com/tools/chat"
    answer = await ask(ClientFiles(build), "/c/new")
    assert b'<base href="/tools/chat/" />' in answer.body


async def test_policy_allows_only_the_scripts_of_the_build(files: ClientFiles) -> None:
    policy = (await ask(files, "/")).headers["content-security-policy"].split("; ")
    digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    assert f"script-src 'self' 'sha256-{digest}'" in policy
    assert "frame-ancestors 'self'" in policy
    assert "object-src 'none'" in policy


@pytest.mark.parametrize(
    ("path", "media_type", "cache_control"),
    [
        (HASHED, "text/javascript; charset=utf-8", "public, max-age=31536000, immutable"),
        ("/assets/logo.svg", "image/svg+xml", "public, max-age=172800, s-maxage=86400"),
        (
            "/workbox-1b73dcc2.js",
            "text/javascript; charset=utf-8",
            "public, max-age=172800, s-maxage=86400",
        ),
        ("/robots.txt", "text/plain; charset=utf-8", "public, max-age=172800, s-maxage=86400"),
        ("/sw.js", "text/javascript; charset=utf-8", "no-store, no-cache, must-revalidate"),
        ("/sw-heal.js", "text/javascript; charset=utf-8", "no-store, no-cache, must-revalidate"),
        (
            "/manifest.webmanifest",
            "application/manifest+json",
            "no-store, no-cache, must-revalidate",
        ),
    ],
)
async def test_file_has_its_type_and_lifetime(
    path: str, media_type: str, cache_control: str, files: ClientFiles, build: Path
) -> None:
    answer = await ask(files, path)
    assert answer.status == 200
    assert answer.body == (build / path[1:]).read_bytes()
    assert answer.headers["content-type"] == media_type
    assert answer.headers["cache-control"] == cache_control
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-robots-tag"] == "noindex"


@pytest.mark.parametrize(
    ("accepted", "is_brotli_on", "encoding"),
    [
        ("gzip, deflate, br", False, "gzip"),
        ("gzip, deflate, br", True, "br"),
        ("gzip;q=0, br;q=0.0", True, None),
        ("gzip;q=0.5", True, "gzip"),
        ("identity", True, None),
        ("", True, None),
    ],
)
async def test_file_is_compressed_as_the_browser_accepts(
    accepted: str,
    is_brotli_on: bool,
    encoding: str | None,
    build: Path,
    settings: Settings,
) -> None:
    settings.ENABLE_STATIC_ASSET_BROTLI = is_brotli_on
    answer = await ask(ClientFiles(build), HASHED, accept_encoding=accepted)
    assert answer.headers.get("content-encoding") == encoding
    assert answer.body == {"br": b"brotli", "gzip": b"zipped", None: b"plain"}[encoding]
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.headers["content-length"] == str(len(answer.body))


async def test_file_is_not_sent_again_when_its_tag_is_known(files: ClientFiles) -> None:
    first = await ask(files, HASHED, accept_encoding="gzip")
    tag = first.headers["etag"]
    again = await ask(files, HASHED, accept_encoding="gzip", if_none_match=f'"other", {tag}')
    assert (again.status, again.body) == (304, b"")
    assert again.headers["etag"] == tag
    assert "content-encoding" not in again.headers
    plain = await ask(files, HASHED, if_none_match=tag)
    assert (plain.status, plain.body) == (200, b"plain")


async def test_file_is_not_sent_again_when_it_has_not_changed_since(files: ClientFiles) -> None:
    modified = (await ask(files, "/robots.txt")).headers["last-modified"]
    assert (await ask(files, "/robots.txt", if_modified_since=modified)).status == 304
    old = "Wed, 21 Oct 2015 07:28:00 GMT"
    assert (await ask(files, "/robots.txt", if_modified_since=old)).status == 200
    other = await ask(files, "/robots.txt", if_modified_since=modified, if_none_match='"x"')
    assert other.status == 200


async def test_file_has_no_body_when_only_its_head_is_asked_for(files: ClientFiles) -> None:
    answer = await ask(files, "/sw.js", method="HEAD")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["content-length"] == "6"


async def test_file_cannot_be_posted_to(files: ClientFiles) -> None:
    answer = await ask(files, "/sw.js", method="POST")
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")


async def test_large_file_is_sent_in_pieces(build: Path) -> None:
    content = os.urandom(CHUNK_BYTES * 2 + 1)
    (build / "assets/silence.mp3").write_bytes(content)
    answer = await ask(ClientFiles(build), "/assets/silence.mp3")
    assert answer.body == content
    assert answer.chunk_count == 3
    assert answer.headers["content-type"] == "audio/mpeg"


@pytest.mark.parametrize(
    "path",
    [
        "/assets/index.Zz3-x_9Z.js",
        "/old.CSS",
        "/c/x.json",
        "/favicon.ico",
        "/Inter-Bold.woff2",
        "/photo.jpeg",
        "/assets/index.Ab3-x_9Z.js.gz",
        "/assets/nothing",
        "/assets/",
    ],
)
async def test_missing_file_is_an_empty_404(path: str, files: ClientFiles) -> None:
    answer = await ask(files, path)
    assert (answer.status, answer.body) == (404, b"")


async def test_file_is_missing_when_it_was_removed_since_the_start(
    files: ClientFiles, build: Path
) -> None:
    (build / "assets/logo.svg").unlink()
    answer = await ask(files, "/assets/logo.svg")
    assert (answer.status, answer.body) == (404, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/assets/../../secret.txt",
        "//etc/passwd",
        "/..\\secret.txt",
        "/secret.txt\x00.js",
        "/leak.txt",
        "/leaks/secret.txt",
    ],
)
async def test_nothing_outside_the_build_is_served(path: str, build: Path) -> None:
    (build / "leak.txt").symlink_to(build.parent / "secret.txt")
    (build / "leaks").symlink_to(build.parent, target_is_directory=True)
    answer = await ask(ClientFiles(build), path)
    assert SECRET.encode() not in answer.body
    assert answer.body in {INDEX.encode(), b""}


async def test_compressed_form_is_not_served_when_it_leads_outside(build: Path) -> None:
    (build / "sw.js.gz").symlink_to(build.parent / "secret.txt")
    answer = await ask(ClientFiles(build), "/sw.js", accept_encoding="gzip")
    assert answer.body == b"worker"


def test_start_stops_when_directory_holds_no_build(tmp_path: Path) -> None:
    with pytest.raises(ImproperlyConfigured, match="LIBRECHAT_CLIENT_DIR: no index.html in"):
        ClientFiles(tmp_path)
