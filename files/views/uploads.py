"""Uploading, listing and deleting (contract 04 §1.2–1.5, §1.9, §1.11). Coroutine views.

Listing and deleting are here because they share their address with uploading.
"""

from typing import cast

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from accounts.authentication import authenticate
from accounts.models import User
from files import progress, throttles, uploading
from files.models import File
from files.serializers import file_wire, uploaded_wire
from files.services import cleaning, storing
from files.views.requests import allow, files_to_delete
from librechat_backend.lib.aio import in_database
from librechat_backend.lib.bodies import StreamedRequest, reads_body
from librechat_backend.lib.json import JSONDict
from librechat_backend.lib.rest import json_response, parse_json
from librechat_backend.lib.throttling import client_ip


@reads_body
async def files(request: HttpRequest) -> HttpResponseBase:
    allow(request, "GET", "POST", "DELETE")
    user = await authenticate(request)
    streamed = cast(StreamedRequest, request)
    if request.method == "GET":
        return json_response(await in_database(_listed, user))
    if request.method == "DELETE":
        return await _delete(user, streamed)
    return await _upload(user, streamed, needs_size=False)


@reads_body
async def images(request: HttpRequest) -> HttpResponseBase:
    allow(request, "POST")
    user = await authenticate(request)
    return await _upload(user, cast(StreamedRequest, request), needs_size=True)


@reads_body
async def avatar(request: HttpRequest) -> HttpResponse:
    allow(request, "POST")
    user = await authenticate(request)
    await in_database(throttles.check_upload, user, client_ip(request))
    url = await uploading.receive_avatar(user, cast(StreamedRequest, request))
    await in_database(cleaning.remove_waste)
    return json_response({"url": url})


async def _upload(user: User, request: StreamedRequest, *, needs_size: bool) -> HttpResponseBase:
    await in_database(throttles.check_upload, user, client_ip(request))
    storing_file = uploading.receive_attachment(user, request, needs_size=needs_size)
    if settings.FILE_UPLOAD_SSE and progress.wants_events(request):
        return await progress.answered(storing_file, request.incoming)
    return json_response(uploaded_wire(await storing_file))


async def _delete(user: User, request: StreamedRequest) -> HttpResponse:
    file_ids = files_to_delete(parse_json(await request.incoming.read()))
    if not file_ids:
        return HttpResponse(status=204)
    blob_ids = await in_database(storing.delete_files, user=user, file_ids=file_ids)
    await in_database(cleaning.remove_waste, blob_ids=blob_ids)
    return json_response({"message": "Files deleted successfully"})


def _listed(user: User) -> list[JSONDict]:
    rows = File.objects.owned_by(user).listed().select_related("blob")
    return [file_wire(file) for file in rows]
