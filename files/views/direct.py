"""Direct uploads, for programs (files/direct.py). Coroutine views."""

from django.http import HttpRequest, HttpResponse

from accounts.authentication import authenticate
from files import direct, throttles
from files.serializers import ticket_wire, uploaded_wire
from files.views.requests import allow
from librechat_backend.lib.aio import in_database
from librechat_backend.lib.errors import InvalidRequest
from librechat_backend.lib.json import JSONDict
from librechat_backend.lib.rest import json_response, parse_json
from librechat_backend.lib.throttling import client_ip


async def begin(request: HttpRequest) -> HttpResponse:
    allow(request, "POST")
    user = await authenticate(request)
    await in_database(throttles.check_upload, user, client_ip(request))
    ticket = await direct.begin(user, _object(request))
    return json_response(ticket_wire(ticket), status=201)


async def finish(request: HttpRequest) -> HttpResponse:
    allow(request, "POST")
    user = await authenticate(request)
    file = await direct.finish(user, str(_object(request).get("uploadId", "")))
    return json_response(uploaded_wire(file))


def _object(request: HttpRequest) -> JSONDict:
    body = parse_json(request.body)
    if not isinstance(body, dict):
        raise InvalidRequest("The request body must be a JSON object.")
    return body
