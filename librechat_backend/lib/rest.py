"""Django REST framework, bent to the wire contract: JSON in, JSON out, errors in one shape."""

from typing import IO, Any

import structlog
from django.core.exceptions import RequestDataTooBig
from django.db import DatabaseError
from django.http import Http404, HttpResponse
from rest_framework import exceptions
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from librechat_backend.lib import json
from librechat_backend.lib.errors import (
    AppError,
    InvalidRequest,
    MalformedJSON,
    NotAuthenticated,
    TooLarge,
)
from librechat_backend.lib.outages import AWAY, outage

log = structlog.get_logger(__name__)


class JSONParser(BaseParser):
    """JSON of at most 3 MB; an empty body is ``{}`` (contract 03 §0.2)."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Any = None,
    ) -> json.JSONValue:
        body = stream.read(json.BODY_LIMIT_BYTES + 1)
        if len(body) > json.BODY_LIMIT_BYTES:
            raise TooLarge("request entity too large")
        return self.read(body)

    def read(self, body: bytes) -> json.JSONValue:
        return parse_json(body)


class KnownMembersParser(JSONParser):
    """For views that read each member by itself: what else a body holds is stored nowhere."""

    def read(self, body: bytes) -> json.JSONValue:
        return _read_json(body)


def parse_json(body: bytes) -> json.JSONValue:
    """Raises MalformedJSON, InvalidRequest for what could be stored but not given back."""
    value = _read_json(body)
    if not json.is_storable(body, value):
        reason = "A number in the request body is too large, or it is nested too deep."
        raise InvalidRequest(reason, key="error")
    return value


def _read_json(body: bytes) -> json.JSONValue:
    if not body.strip():
        return {}
    try:
        return json.loads(body)
    except (json.DecodeError, RecursionError) as error:
        raise MalformedJSON from error


class JSONOnly(DefaultContentNegotiation):
    """Whatever a caller says it accepts, it gets JSON, as from the server the client knows."""

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        return renderers[0], renderers[0].media_type


class JSONRenderer(BaseRenderer):
    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None
    ) -> bytes:
        return b"" if data is None else json.dumps(data)


def exception_handler(error: Exception, context: Any) -> Response | None:
    """The one place where an exception of a JSON view becomes an answer."""
    is_refused = isinstance(error, DatabaseError) and not isinstance(error, AWAY)
    if is_refused and _has_left(context["request"].user):
        error = NotAuthenticated("Unauthorized")
    app_error = as_app_error(error)
    if app_error is None:
        return None
    return Response(app_error.body(), status=app_error.status, headers=app_error.headers)


def _has_left(person: Any) -> bool:
    """Whether the account of who asks was deleted meanwhile: nothing can hang on it any more."""
    if person is None or not person.pk:
        return False
    return not type(person)._default_manager.filter(pk=person.pk).exists()


def as_app_error(error: Exception) -> AppError | None:
    """None for an exception nobody expected: that is a 500."""
    if isinstance(error, AppError):
        return error
    if isinstance(error, Http404):
        return AppError("Not found", status=404)
    if isinstance(error, RequestDataTooBig):
        return TooLarge("request entity too large")
    if isinstance(error, exceptions.UnsupportedMediaType):
        return AppError("Unsupported media type", status=415)
    if isinstance(error, exceptions.MethodNotAllowed):
        return AppError("Endpoint not found", status=404)
    if isinstance(error, exceptions.APIException):
        return AppError(str(error.detail), status=error.status_code)
    if isinstance(error, AWAY):
        log.error("storage_away", exc_info=error)
        message = f"{outage(error)} Please try again in a moment."
        return AppError(message, status=503, headers={"Retry-After": "1"})
    return None


def json_response(data: json.JSONValue, status: int = 200) -> HttpResponse:
    """For views outside REST framework."""
    return HttpResponse(json.dumps(data), status=status, content_type="application/json")
