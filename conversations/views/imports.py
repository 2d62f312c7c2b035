"""Importing chats (contract 03 §4.2). The upload is a coroutine view of the lean path.

The client waits for the answer and then reads its list again, so the answer waits for the import,
up to a time that no proxy finds too long; what takes longer can be asked for by its id.
"""

import asyncio
import time
from pathlib import PurePath
from typing import cast
from urllib.parse import unquote

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import authenticate
from accounts.models import User
from conversations.models import ChatImport
from conversations.serializers.chat_import import import_wire
from conversations.tasks import start_import
from conversations.throttles import check_import
from conversations.views.requests import owner_of
from files.exceptions import UnsupportedType, UploadTooLarge
from files.receiving import FORM_BYTES, Received, announced_bytes, received
from files.views.requests import allow
from librechat_backend.lib.aio import in_database
from librechat_backend.lib.bodies import StreamedRequest, reads_body
from librechat_backend.lib.errors import InvalidRequest, NotFound, TooLarge
from librechat_backend.lib.rest import json_response
from librechat_backend.lib.throttling import client_ip

WAIT_SECONDS = 45.0
PAUSE_SECONDS, PAUSE_SECONDS_MAX = 0.05, 1.0
LISTED_MAX = 20
EXTENSIONS = {".json", ".zip", ".ndjson", ".jsonl"}
TYPES = {"application/json", "application/zip", "application/x-zip-compressed"}

_STATUSES = {"done": 201, "failed": 400}


@reads_body
async def chat_imports(request: HttpRequest) -> HttpResponse:
    """POST a file; GET the latest imports."""
    allow(request, "GET", "POST")
    user = await authenticate(request)
    if request.method == "GET":
        return json_response({"imports": await in_database(_listed, user)})
    await in_database(check_import, user, client_ip(request))
    started = await _receive(user, cast(StreamedRequest, request))
    row = await _settled(started)
    return json_response(import_wire(row), status=_STATUSES.get(row.status, 202))


class ChatImportView(APIView):
    def get(self, request: Request, import_id: str) -> Response:
        row = ChatImport.objects.filter(user=owner_of(request), pk=import_id).first()
        if row is None:
            raise NotFound("Import not found")
        return Response(import_wire(row))


async def _receive(user: User, request: StreamedRequest) -> ChatImport:
    """Raises TooLarge, UnsupportedType, InvalidRequest, TooManyRequests."""
    limit = settings.CONVERSATION_IMPORT_MAX_FILE_SIZE
    if announced_bytes(request) > limit + FORM_BYTES:
        raise _too_large()
    try:
        async with received(request, limit=lambda _: limit) as form:
            name = _checked_name(form)
            return await in_database(start_import, user=user, path=form.path, file_name=name)
    except UploadTooLarge as error:
        raise _too_large() from error


def _checked_name(form: Received) -> str:
    if not form.has_file:
        raise InvalidRequest("There is no file in the upload.")
    name = unquote(form.filename).replace("\x00", "")
    declared = form.declared_type.partition(";")[0].strip().lower()
    if declared not in TYPES and PurePath(name).suffix.lower() not in EXTENSIONS:
        raise UnsupportedType("Only JSON files are allowed")
    return name


def _too_large() -> TooLarge:
    return TooLarge("File exceeds the maximum allowed size")


async def _settled(started: ChatImport) -> ChatImport:
    """The import when it is over, or as it is when the client has waited long enough."""
    deadline, pause = time.monotonic() + WAIT_SECONDS, PAUSE_SECONDS
    row = started
    while row.finished_at is None and time.monotonic() < deadline:
        await asyncio.sleep(pause)
        pause = min(pause * 1.3, PAUSE_SECONDS_MAX)
        row = await in_database(ChatImport.objects.get, pk=started.pk)
    return row


def _listed(user: User) -> list[dict[str, object]]:
    return [import_wire(row) for row in ChatImport.objects.filter(user=user)[:LISTED_MAX]]
