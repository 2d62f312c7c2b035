"""Serves the built web client (contract 01 §2, 06 §2). Bare ASGI: Django is not involved.

The directory is read once, at the start. What is served is what was found then: a path that leads
out of the directory, or to a file put there later, is simply not in the table.
"""

import asyncio
import hashlib
import html
import mimetypes
import re
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from asgiref.typing import ASGIReceiveCallable, ASGISendCallable, HTTPScope
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http.cookie import parse_cookie
from django.utils.http import http_date, parse_http_date_safe

CHUNK_BYTES = 256 * 1024
YEAR_SECONDS = 31_536_000
SHARED_CACHE_SECONDS = 86_400

Headers = list[tuple[bytes, bytes]]

# mimetypes answers application/javascript or nothing for these on some systems.
_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".mp3": "audio/mpeg",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}
_ENCODINGS = {"br": ".br", "gzip": ".gz"}
_NEVER_CACHED = re.compile(r"(?:.*\.webmanifest|manifest\.json|sw\.js|sw-heal\.js)")
_HASHED = re.compile(r"assets/(?:.*/)?[^/]+\.[\w-]{8}\.[a-z0-9]+")
# A page in place of a missing script poisons the service worker's cache (contract 01 §2.3).
_MISSING_FILE = re.compile(
    r"/assets/.*|.*\.(?:js|mjs|css|map|json|wasm|webmanifest|png|jpe?g|gif|svg|ico|webp|avif"
    r"|woff2?|ttf|otf|eot)",
    re.IGNORECASE,
)
_INLINE_SCRIPT = re.compile(r"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL)
_DEFAULT_LANGUAGE = "en-US"


@dataclass(frozen=True, slots=True)
class Variant:
    """One stored form of a file. ``encoding`` is empty for the file itself."""

    path: Path
    size_bytes: int
    encoding: str
    etag: str


@dataclass(frozen=True, slots=True)
class Asset:
    """A file of the build; ``encoded`` holds its compressed forms by content coding."""

    plain: Variant
    encoded: dict[str, Variant]
    modified_at: int
    headers: Headers = field(repr=False)


class ClientFiles:
    """An ASGI application; raises ImproperlyConfigured when ``directory`` holds no build."""

    def __init__(self, directory: Path) -> None:
        root = directory.resolve()
        index = root / "index.html"
        if not index.is_file():
            raise ImproperlyConfigured(f"LIBRECHAT_CLIENT_DIR: no index.html in {directory}")
        self._assets = dict(_read_directory(root))
        self._page = _with_base_path(index.read_text(encoding="utf-8"))
        self._page_headers = _page_headers(self._page)

    async def __call__(
        self, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        asset = self._assets.get(scope["path"])
        if asset is not None:
            await _send_asset(scope, send, asset)
        elif _MISSING_FILE.fullmatch(scope["path"]):
            await _send_missing(scope, send)
        else:
            await self._send_page(scope, send)

    async def _send_page(self, scope: HTTPScope, send: ASGISendCallable) -> None:
        language = html.escape(_language(scope))
        body = self._page.replace(f'lang="{_DEFAULT_LANGUAGE}"', f'lang="{language}"').encode()
        await _send(scope, send, 200, [*self._page_headers, _content_length(len(body))], body)


# -- Reading the build -------------------------------------------------------------------------


def _read_directory(root: Path) -> Iterable[tuple[str, Asset]]:
    """URL path → asset. Links that lead out of the directory are left out."""
    files = {
        path.relative_to(root).as_posix(): path
        for path in root.rglob("*")
        if path.is_file() and path.resolve().is_relative_to(root)
    }
    for name, path in files.items():
        compressed = path.suffix in _ENCODINGS.values() and name.removesuffix(path.suffix) in files
        if name != "index.html" and not compressed:
            yield f"/{name}", _asset(name, files)


def _asset(name: str, files: dict[str, Path]) -> Asset:
    encoded = {
        encoding: _variant(files[name + suffix], encoding)
        for encoding, suffix in _ENCODINGS.items()
        if name + suffix in files and (encoding != "br" or settings.ENABLE_STATIC_ASSET_BROTLI)
    }
    modified_at = int(files[name].stat().st_mtime)
    headers = [
        (b"content-type", _media_type(files[name]).encode()),
        (b"cache-control", _cache_control(name).encode()),
        (b"last-modified", http_date(modified_at).encode()),
        *([(b"vary", b"Accept-Encoding")] if encoded else []),
    ]
    return Asset(_variant(files[name], ""), encoded, modified_at, headers)


def _variant(path: Path, encoding: str) -> Variant:
    stat = path.stat()
    tag = f'W/"{stat.st_size:x}-{stat.st_mtime_ns:x}{encoding and f"-{encoding}"}"'
    return Variant(path, stat.st_size, encoding, tag)


def _media_type(path: Path) -> str:
    known = _MEDIA_TYPES.get(path.suffix.lower())
    return known or mimetypes.guess_type(path.name)[0] or "application/octet-stream"


def _cache_control(name: str) -> str:
    if _NEVER_CACHED.fullmatch(name):
        return "no-store, no-cache, must-revalidate"
    if _HASHED.fullmatch(name):
        return f"public, max-age={YEAR_SECONDS}, immutable"
    return f"public, max-age={settings.STATIC_CACHE_MAX_AGE}, s-maxage={SHARED_CACHE_SECONDS}"


# -- The page ----------------------------------------------------------------------------------


def _with_base_path(page: str) -> str:
    """Below a path the reverse proxy strips, every address hangs on ``base href``."""
    path = html.escape(urlsplit(settings.DOMAIN_CLIENT).path.strip("/"))
    return page.replace('base href="/"', f'base href="/{path}/"') if path else page


def _page_headers(page: str) -> Headers:
    return [
        *_common_headers(),
        (b"content-type", b"text/html; charset=utf-8"),
        (b"cache-control", settings.INDEX_CACHE_CONTROL.encode()),
        (b"pragma", b"no-cache"),
        (b"expires", b"0"),
        (b"vary", b"Accept-Language, Cookie"),
        (b"content-security-policy", _content_security_policy(page).encode()),
        (b"x-frame-options", b"SAMEORIGIN"),
    ]


def _content_security_policy(page: str) -> str:
    """Only the build's own scripts run. Artifacts are rendered in frames of foreign origin."""
    hashes = (hashlib.sha256(text.encode()).digest() for text in _INLINE_SCRIPT.findall(page))
    scripts = " ".join(f"'sha256-{b64encode(digest).decode()}'" for digest in hashes)
    return "; ".join(
        (
            "default-src 'self'",
            f"script-src 'self' {scripts}".strip(),
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob: https:",
            "font-src 'self' data:",
            "media-src 'self' data: blob:",
            "connect-src 'self' data: blob:",
            "worker-src 'self' blob:",
            "frame-src 'self' https: blob: data:",
            "frame-ancestors 'self'",
            "form-action 'self'",
            "base-uri 'self'",
            "object-src 'none'",
        )
    )


def _language(scope: HTTPScope) -> str:
    """What the person picked in the client, else what the browser prefers."""
    if picked := parse_cookie(_header(scope, b"cookie")).get("lang"):
        return picked
    preferred = re.split("[,;]", _header(scope, b"accept-language"))[0].strip()
    return preferred if preferred not in {"", "*"} else _DEFAULT_LANGUAGE


# -- Answers -----------------------------------------------------------------------------------


async def _send_asset(scope: HTTPScope, send: ASGISendCallable, asset: Asset) -> None:
    if scope["method"] not in {"GET", "HEAD"}:
        headers = [*_common_headers(), (b"allow", b"GET, HEAD"), _content_length(0)]
        await _send(scope, send, 405, headers)
        return
    variant = _choose_variant(asset, _header(scope, b"accept-encoding"))
    headers = [*_common_headers(), *asset.headers, (b"etag", variant.etag.encode())]
    if _is_unchanged(scope, asset, variant):
        await _send(scope, send, 304, headers)
        return
    if variant.encoding:
        headers.append((b"content-encoding", variant.encoding.encode()))
    headers.append(_content_length(variant.size_bytes))
    if scope["method"] == "HEAD":
        await _send(scope, send, 200, headers)
        return
    await _stream(scope, send, headers, variant.path)


def _choose_variant(asset: Asset, accept_encoding: str) -> Variant:
    accepted = {
        coding.strip().lower()
        for coding, _, weight in (item.partition(";") for item in accept_encoding.split(","))
        if not re.fullmatch(r"\s*q=0(?:\.0*)?\s*", weight)
    }
    for encoding, variant in asset.encoded.items():
        if encoding in accepted:
            return variant
    return asset.plain


def _is_unchanged(scope: HTTPScope, asset: Asset, variant: Variant) -> bool:
    if known := _header(scope, b"if-none-match"):
        return known.strip() == "*" or variant.etag in (tag.strip() for tag in known.split(","))
    since = parse_http_date_safe(_header(scope, b"if-modified-since"))
    return since is not None and asset.modified_at <= since


async def _stream(scope: HTTPScope, send: ASGISendCallable, headers: Headers, path: Path) -> None:
    """Reads in threads, a piece at a time, so that no file fills the memory."""
    try:
        file = await asyncio.to_thread(path.open, "rb")
    except FileNotFoundError:  # removed since the start
        await _send_missing(scope, send)
        return
    with file:
        await send(
            {"type": "http.response.start", "status": 200, "headers": headers, "trailers": False}
        )
        while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _send_missing(scope: HTTPScope, send: ASGISendCallable) -> None:
    await _send(scope, send, 404, [*_common_headers(), _content_length(0)])


async def _send(
    scope: HTTPScope, send: ASGISendCallable, status: int, headers: Headers, body: bytes = b""
) -> None:
    sent = b"" if scope["method"] == "HEAD" else body
    await send(
        {"type": "http.response.start", "status": status, "headers": headers, "trailers": False}
    )
    await send({"type": "http.response.body", "body": sent, "more_body": False})


def _common_headers() -> Headers:
    headers = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"same-origin")]
    return [*headers, (b"x-robots-tag", b"noindex")] if settings.NO_INDEX else headers


def _content_length(size_bytes: int) -> tuple[bytes, bytes]:
    return b"content-length", str(size_bytes).encode()


def _header(scope: HTTPScope, name: bytes) -> str:
    """The header's value, or "" where it is missing."""
    values = (value for key, value in scope["headers"] if key == name)
    return next(values, b"").decode("latin-1")
