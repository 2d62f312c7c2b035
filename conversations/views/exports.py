"""Taking everything along (docs/moving-chats.md). A coroutine view of the lean path."""

from collections.abc import AsyncIterator, Iterator

from django.http import HttpRequest, StreamingHttpResponse

from accounts.authentication import authenticate
from accounts.models import User
from conversations.exporting import archive_name, export_archive
from conversations.throttles import check_export
from files.views.requests import allow
from librechat_backend.lib.aio import in_database


async def export(request: HttpRequest) -> StreamingHttpResponse:
    allow(request, "GET")
    user = await authenticate(request)
    await in_database(check_export, user)
    return archive_response(user)


def archive_response(user: User) -> StreamingHttpResponse:
    headers = {
        "Content-Disposition": f'attachment; filename="{archive_name(user)}"',
        "Cache-Control": "no-store",
    }
    chunks = _in_threads(export_archive(user))
    return StreamingHttpResponse(chunks, headers=headers, content_type="application/zip")


async def _in_threads(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Nothing of the next piece is read before this one is sent."""
    while (chunk := await in_database(next, chunks, None)) is not None:
        yield chunk
