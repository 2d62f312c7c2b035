"""The API below /v1 as one ASGI application: which function answers, and how errors are written.

A caller who leaves cancels the work, also before the first word of an answer (leaving.py).
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from urllib.parse import unquote

import structlog
from django.conf import settings
from django.db import DatabaseError

from gateway import cache, limiting
from gateway.access import Caller, find_caller
from gateway.calls import Call
from gateway.errors import (
    AddressBanned,
    ApiError,
    InvalidKey,
    MissingKey,
    anthropic_body,
    from_provider,
    not_stored,
    openai_body,
)
from gateway.fallback import answer_paid
from gateway.formats import anthropic_messages, openai_chat_answers
from gateway.http import (
    Answering,
    ClientLeft,
    Receive,
    Reply,
    Request,
    Scope,
    Send,
    StreamReply,
    json_reply,
    read_request,
    send_preflight,
    send_reply,
    send_stream,
)
from gateway.last_use import note_use
from gateway.leaving import CancelWhenLeft
from gateway.openapi import document
from gateway.views import chat, insight, messages, models, passed, translated
from gateway.withdrawn import CutOffWhenWithdrawn
from librechat_backend.lib.outages import AWAY, outage
from providers.caller_limits import CallerLimited
from providers.errors import ProviderError
from providers.failover import NotPaid
from usage import limits
from usage.entries import Status
from usage.limits import LimitReached
from usage.recorder import get_recorder

View = Callable[[Call], Awaitable[Reply | StreamReply]]

KEY_HEADERS = ("x-api-key", "api-key", "x-auth-token")
KEY_PARAMETER = "auth_token"
MODEL_PREFIX = "/v1/models/"
RESPONSE_PREFIX = "/v1/responses/"
DOCUMENT_PATH = "/v1/openapi.json"

POST: dict[str, View] = {
    "/v1/chat/completions": chat.chat_completions,
    "/v1/messages": messages.messages,
    "/v1/completions": translated.completions,
    "/v1/responses": translated.responses,
    "/v1/embeddings": passed.embeddings,
    "/v1/moderations": passed.moderations,
    "/v1/rerank": passed.rerank,
    "/v1/images/generations": passed.images,
    "/v1/audio/speech": passed.speech,
    "/v1/audio/transcriptions": passed.transcriptions,
    "/v1/audio/translations": passed.translations,
    "/v1/tokenize": insight.tokenize,
    "/v1/messages/count_tokens": insight.count_tokens,
}
GET: dict[str, View] = {
    "/v1/models": models.list_models,
    "/v1/model-options": models.model_options,
    "/v1/route-check": insight.route_check,
    "/v1/credits": insight.credits,
}
ROUTES: Mapping[str, Mapping[str, View]] = {"POST": POST, "GET": GET}

log = structlog.get_logger(__name__)


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["method"] == "OPTIONS":
        await send_preflight(scope, send)
        return
    try:
        request = await read_request(scope, receive, _find_caller)
    except ClientLeft:
        return
    except ApiError as error:
        await send_reply(_error_reply(error, is_anthropic=_is_anthropic_path(scope["path"])), send)
        return
    if request.path == DOCUMENT_PATH:
        await send_reply(json_reply(document(settings.VERSION)), send)
        return
    with CancelWhenLeft(receive):
        await _serve(request, send)


async def _serve(request: Request, send: Send) -> None:
    try:
        view, call = await _admit(request)
    except ApiError as error:
        await send_reply(_error_reply(error, is_anthropic=_is_anthropic(request)), send)
        return
    status = 499  # unless an answer is sent: the caller left before
    answering = Answering(send)
    try:
        with CutOffWhenWithdrawn(call.caller, call.request.ip_address):
            reply = await _answer(view, call)
            status = reply.status if isinstance(reply, Reply) else 200
            await _send(call, reply, answering)
    except (InvalidKey, AddressBanned) as withdrawn:
        status = status if answering.has_begun else withdrawn.status
        call.fail(withdrawn)
        await _send_last(call, withdrawn, answering)
    finally:
        call.close(status)
        note_use(call.caller.token.id)


async def _send_last(call: Call, error: ApiError, answering: Answering) -> None:
    """Of a stream the last frame says why; bytes of a body would be taken for the answer's."""
    if not answering.has_begun:
        await send_reply(_error_reply(error, is_anthropic=_is_anthropic(call.request)), answering)
    elif call.entry.is_streamed:
        frame = _error_frame(error, is_anthropic=_is_anthropic(call.request))
        await answering({"type": "http.response.body", "body": frame})


async def _send(call: Call, reply: Reply | StreamReply, send: Send) -> None:
    reply.headers["x-request-id"] = call.entry.id
    reply.headers |= limiting.headers(call.standings())
    if isinstance(reply, Reply):
        reply.headers |= call.cost_headers()
        await send_reply(reply, send)
    else:
        await send_stream(reply, send)


async def _admit(request: Request) -> tuple[View, Call]:
    """Who answers, and the call, where there is such a route and the key is good.

    Raises ApiError.
    """
    view = _find_view(request)
    caller = await _find_caller(request)
    return view, Call(request, caller, operation_of(request.path))


async def _answer(view: View, call: Call) -> Reply | StreamReply:
    """Whatever goes wrong before the first byte is a reply, too."""
    try:
        await _check_limits(call)
        return await _through_cache(view, call)
    except ApiError as error:
        return _refused(call, error)
    except CallerLimited as limited:
        call.entry.status = Status.REFUSED
        return _refused(call, limiting.refusal(limited.reached))
    except NotPaid as unpaid:
        call.entry.status = Status.REFUSED
        return _refused(call, limiting.unpaid(unpaid.refused, datetime.now(UTC)))
    except ProviderError as error:
        call.fail(error)
        return _error_reply(from_provider(error), is_anthropic=_is_anthropic(call.request))
    except AWAY as error:
        return _refused(call, _put_off(error))
    except Exception:  # noqa: BLE001 - the border: nothing may pass unanswered
        log.exception("unhandled_error", path=call.request.path)
        unknown = ApiError("An unknown error occurred.", status=500, code="internal_error")
        call.fail(unknown)
        return _error_reply(unknown, is_anthropic=_is_anthropic(call.request))


def _put_off(error: Exception) -> ApiError:
    """Of a call whose key, limits or purse cannot be read at the moment."""
    log.error("storage_away", reason=str(error))
    return ApiError(outage(error), status=503, headers={"Retry-After": "5"})


def _refused(call: Call, error: ApiError) -> Reply:
    call.fail(error)
    return _error_reply(error, is_anthropic=_is_anthropic(call.request))


async def _through_cache(view: View, call: Call) -> Reply | StreamReply:
    ttl = cache.ttl_of(call)
    if not ttl:
        return await answer_paid(view, call)
    key = cache.key_of(call)
    if found := await cache.find(call, key):
        return found
    reply = await answer_paid(view, call)
    # Not another preset's answer: the budget may have room for the next one.
    return reply if call.instead else cache.remembering(call, key, ttl, reply)


async def _check_limits(call: Call) -> None:
    """Raises ApiError 429, and 503 while the log of requests cannot be written."""
    if call.request.method != "POST":
        return
    if not await get_recorder().wait_for_room():
        raise ApiError("The server is overloaded.", status=503, headers={"Retry-After": "5"})
    found = call.caller.limits.at(call.entry.created_at)
    if not found:
        return
    try:
        call.grant = await limits.acquire(found, tokens=call.estimated_input())
    except LimitReached as reached:
        raise limiting.refusal(reached) from reached


async def _find_caller(request: Request) -> Caller:
    secret = key_of(request)
    try:
        return await find_caller(secret, request.ip_address)
    except DatabaseError as error:
        raise _put_off(error) from error


def key_of(request: Request) -> str:
    """The key, from whichever header a client's library uses; from the address, where that is
    allowed. Raises MissingKey."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    for name in KEY_HEADERS:
        if value := request.headers.get(name, "").strip():
            return value
    if settings.GATEWAY_ALLOW_QUERY_TOKEN:
        if value := request.query().get(KEY_PARAMETER, "").strip():
            return value
    raise MissingKey


def _find_view(request: Request) -> View:
    """Raises ApiError 404 and 405."""
    view = ROUTES.get(request.method, {}).get(request.path)
    if view is not None:
        return view
    if request.method == "GET" and request.path.startswith(MODEL_PREFIX):
        return partial(models.show_model, model_id=unquote(request.path[len(MODEL_PREFIX) :]))
    if _asks_for_stored(request):
        raise not_stored(unquote(request.path[len(RESPONSE_PREFIX) :]).partition("/")[0])
    allowed = [method for method, views in ROUTES.items() if request.path in views]
    if request.path.startswith(MODEL_PREFIX):
        allowed = ["GET"]
    if allowed:
        raise ApiError(
            f"Not allowed to {request.method} on {request.path}.",
            status=405,
            code="method_not_allowed",
            headers={"Allow": ", ".join(allowed)},
        )
    raise ApiError(
        f"Unknown request URL: {request.method} {request.path[:200]}.",
        status=404,
        code="unknown_url",
    )


def _asks_for_stored(request: Request) -> bool:
    is_asked = request.method in ("GET", "DELETE") or request.path.endswith("/cancel")
    return is_asked and request.path.startswith(RESPONSE_PREFIX)


def operation_of(path: str) -> str:
    return path.removeprefix("/v1/").replace("/", ".")[:40]


def _is_anthropic(request: Request) -> bool:
    return _is_anthropic_path(request.path) or "anthropic-version" in request.headers


def _is_anthropic_path(path: str) -> bool:
    return path.startswith("/v1/messages")


def _error_reply(error: ApiError, *, is_anthropic: bool) -> Reply:
    body = anthropic_body(error) if is_anthropic else openai_body(error)
    return json_reply(body, error.status, dict(error.headers))


def _error_frame(error: ApiError, *, is_anthropic: bool) -> bytes:
    if is_anthropic:
        return anthropic_messages.error_frame(anthropic_body(error))
    return openai_chat_answers.error_frame(openai_body(error))
