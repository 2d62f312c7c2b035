"""Bytes of files as answers: in pieces, in sections, and never so that a browser executes them.

``respond`` decides nothing about who may see a file: whoever calls it has.
"""

from collections.abc import AsyncGenerator
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.cache import patch_vary_headers

from files import storage
from files.exceptions import FileNotFound
from files.media_types import PICTURE_TYPES
from files.models import Blob, File
from files.ranges import Section, Unsatisfiable, parse_range
from files.storage import CHUNK_BYTES, SIGNED_URL_SECONDS, BytesMissing, Reader
from files.threads import in_file_thread
from librechat_backend.lib.aio import uninterrupted

# Asked again each time, so that signing out, deleting and unsharing are seen at once.
PRIVATE = "private, no-cache"
PUBLIC = "public, max-age=86400, immutable"
ATTACHED = "attachment"
INLINE = "inline"
_DOWNLOAD_TYPE = "application/octet-stream"
# Even a document that a browser would show runs nothing and has no origin.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


async def respond(
    request: HttpRequest,
    file: File,
    *,
    cache: str = PRIVATE,
    is_inline: bool = False,
    allows_redirect: bool = False,
) -> HttpResponseBase:
    """The file (with its ``blob`` loaded), or the section asked for.

    ``is_inline`` shows pictures we made ourselves; all else is a download. ``allows_redirect``:
    the browser may be sent to an address that is signed now. Raises FileNotFound when the
    storage does not have it.
    """
    shows = is_inline and file.media_type in PICTURE_TYPES and file.is_image
    headers = _headers(file, cache, shows=shows)
    if request.headers.get("If-None-Match") == headers["ETag"]:
        return HttpResponseNotModified(headers=headers)
    if allows_redirect and (address := signed_address(file, headers)):
        return HttpResponse(status=302, headers={"Location": address, "Cache-Control": "no-store"})
    size = file.blob.byte_count
    try:
        section = parse_range(request.headers.get("Range", ""), size)
    except Unsatisfiable:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    if request.headers.get("If-Range", headers["ETag"]) != headers["ETag"]:
        section = None
    return await _streamed(request, file.blob, section, headers)


def _headers(file: File, cache: str, *, shows: bool) -> dict[str, str]:
    return {
        "Content-Type": file.media_type if shows else _DOWNLOAD_TYPE,
        "Content-Disposition": disposition(file.filename, INLINE if shows else ATTACHED),
        "Content-Security-Policy": _POLICY,
        "Cross-Origin-Resource-Policy": "same-origin" if cache == PRIVATE else "cross-origin",
        "Cache-Control": cache,
        "ETag": f'"{file.blob.checksum[:32]}"',
        "Accept-Ranges": "bytes",
    }


def disposition(filename: str, kind: str = ATTACHED) -> str:
    """RFC 6266; the plain name is for what cannot read the encoded one."""
    plain = "".join(
        c if c.isascii() and c.isprintable() and c not in '"\\%' else "_" for c in filename
    )
    encoded = "" if plain == filename else f"; filename*=UTF-8''{quote(filename, safe='')}"
    return f'{kind}; filename="{plain}"{encoded}'


def signed_address(file: File, headers: dict[str, str] | None = None) -> str:
    """An address in the storage itself, signed now; empty where there is none."""
    values = headers or _headers(file, PRIVATE, shows=False)
    seconds = SIGNED_URL_SECONDS
    if file.expires_at is not None:
        left = (file.expires_at - timezone.now()).total_seconds()
        seconds = max(1, min(seconds, int(left)))
    return storage.store(file.blob.storage).signed_url(
        file.blob.key,
        disposition=values["Content-Disposition"],
        media_type=values["Content-Type"],
        seconds=seconds,
    )


async def _streamed(
    request: HttpRequest, blob: Blob, section: Section | None, headers: dict[str, str]
) -> HttpResponseBase:
    start, end = (section.start, section.end) if section else (0, blob.byte_count)
    headers = headers | {"Content-Length": str(end - start)}
    if section:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{blob.byte_count}"
    status = 206 if section else 200
    if request.method == "HEAD":
        return HttpResponse(status=status, headers=headers)
    try:
        reader = await uninterrupted(
            in_file_thread(storage.store(blob.storage).open, blob.key, start=start, end=end)
        )
    except BytesMissing as error:
        raise FileNotFound from error
    response = StreamingHttpResponse(_chunks(reader), status=status, headers=headers)
    patch_vary_headers(response, ("Cookie", "Authorization"))
    return response


async def _chunks(reader: Reader) -> AsyncGenerator[bytes, None]:
    try:
        while chunk := await in_file_thread(reader.read, CHUNK_BYTES):
            yield chunk
    finally:
        reader.close()
