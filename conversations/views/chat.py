"""Generations over HTTP (contract 02 §2–5). Coroutine views for the lean path."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse

from accounts.authentication import (
    asking_for_user,
    authenticate,
    bearer_token,
    id_in_token,
    user_for_token,
    user_told,
)
from accounts.models import User
from accounts.services.bans import Banned
from conversations import often
from conversations.chat.admission import admit
from conversations.chat.encoder import PROTOCOL_VERSION, Encoder
from conversations.chat.events import TurnEvent, is_terminal
from conversations.chat.jobs import Jobs
from conversations.chat.log.base import UnknownGeneration
from conversations.chat.request import TurnRequest, parse_turn_request
from conversations.chat.runtime import get_jobs
from conversations.models import NEW_CHAT_TITLE, Conversation, Generation
from librechat_backend.lib import json, rest, sse
from librechat_backend.lib.aio import in_database
from librechat_backend.lib.errors import (
    AppError,
    Forbidden,
    InvalidRequest,
    NotFound,
    NotReady,
    TooLarge,
)
from librechat_backend.lib.json import JSONDict
from librechat_backend.lib.outages import AWAY
from librechat_backend.lib.throttling import client_ip
from librechat_backend.lib.together import Statement, run_together
from presets.resolver import DeniedTurn

VERSION_HEADER = "X-LibreChat-Generation-Protocol"
# The client repeats a 404 three times, 5 s apart (contract 02 §6).
TITLE_PAUSES_SECONDS = (0.2, 0.3, 0.5, 1, 1, 2, 2, 4, 4)

log = structlog.get_logger(__name__)


async def start(request: HttpRequest, endpoint: str = "") -> HttpResponse:
    """POST a message: the generation begins, the answer says where to follow it.

    While the database or Redis is away the client is told to repeat it, which cannot begin two.
    """
    _allow(request, "POST")
    try:
        user, wanted = await in_database(_admitted, bearer_token(request), request, endpoint)
        started = await (await get_jobs()).start(user, wanted)
    except DeniedTurn as denied:
        return denied_response(denied)
    except AWAY as error:
        log.warning("start_put_off", reason=str(error))
        raise NotReady("The server cannot reach its storage; try again.") from error
    return generation_response(
        {
            **_identity(started.generation),
            "status": "resumed" if started.is_repeated else "started",
        }
    )


def _admitted(token: str, request: HttpRequest, endpoint: str) -> tuple[User, TurnRequest]:
    """Raises NotAuthenticated, Forbidden for a ban in the form the client translates, and what else
    is wrong with the request."""
    address = client_ip(request)
    try:
        user = user_for_token(token, ip_address=address)
    except Banned as ban:
        raise Forbidden(type="ban") from ban
    wanted = parse_turn_request(body_of(request), path_endpoint=endpoint)
    admit(user, wanted, ip_address=address)
    return user, replace(wanted, ip_address=address)


async def stream(
    request: HttpRequest, conversation_id: str
) -> HttpResponse | StreamingHttpResponse:
    """Follow a generation. ``resume=true`` begins with what there is, in one frame."""
    _allow(request, "GET")
    generation = await in_database(_followed, bearer_token(request), request, conversation_id)
    jobs = await get_jobs()
    try:
        frames = await open_stream(
            jobs, generation, is_resumed=request.GET.get("resume", "").strip().lower() == "true"
        )
    except UnknownGeneration:
        raise _no_stream() from None
    headers = {**sse.HEADERS, VERSION_HEADER: str(PROTOCOL_VERSION)}
    return StreamingHttpResponse(frames, headers=headers)


def _followed(token: str, request: HttpRequest, conversation_id: str) -> Generation:
    """One way to the database. Raises NotAuthenticated, and what :func:`find_generation` raises."""
    user_id, epoch = id_in_token(token), _epoch(request.GET.get("generationCreatedAt"))
    told, found = run_together(
        asking_for_user(user_id, ip_address=client_ip(request)),
        _asking_for_generation(user_id, conversation_id, epoch),
    )
    user_told(told)
    return _require(found, conversation_id, epoch)


async def open_stream(
    jobs: Jobs, generation: Generation, *, is_resumed: bool
) -> AsyncGenerator[bytes, None]:
    """Frames of a generation, its first events already at hand. Raises UnknownGeneration."""
    encoder, past = Encoder(), await jobs.snapshot(generation)
    return _frames(jobs, generation, encoder, past, is_resumed=is_resumed)


async def _frames(
    jobs: Jobs, generation: Generation, encoder: Encoder, past: list[TurnEvent], *, is_resumed: bool
) -> AsyncGenerator[bytes, None]:
    after = 0
    if is_resumed:
        after = sum(not is_terminal(event) for event in past)
        encoder.skip(past[:after])
        yield sse.encode(json.dumps(encoder.sync_payload()))
    async with aclosing(jobs.follow(generation, after=after)) as batches:
        async for events in batches:
            yield encoder.frames(events) if events else sse.PING


async def status(request: HttpRequest, conversation_id: str) -> HttpResponse:
    """Whether the conversation has a live generation, and how to join it."""
    _allow(request, "GET")
    user = await authenticate(request)
    jobs = await get_jobs()
    generation = await in_database(_running_generation, user, conversation_id)
    if generation is None:
        return generation_response({"active": False})
    try:
        past = await jobs.snapshot(generation)
    except UnknownGeneration:
        return generation_response({"active": False})
    return generation_response(_live_status(generation, past))


def _live_status(generation: Generation, past: list[TurnEvent]) -> JSONDict:
    encoder = Encoder()
    encoder.skip(past)
    return {
        "active": True,
        "streamId": generation.conversation.conversation_id,
        "status": "running",
        "createdAt": generation.created_ms,
        "aggregatedContent": encoder.aggregated_content(),
        "resumeState": encoder.resume_state(),
    }


async def active(request: HttpRequest) -> HttpResponse:
    """The ids of the user's conversations that have a live generation."""
    _allow(request, "GET")
    user = await authenticate(request)
    ids = await in_database(_active_conversation_ids, user)
    return rest.json_response({"activeJobIds": ids})


async def abort(request: HttpRequest) -> HttpResponse:
    """The Stop button. The partial answer is stored and sent before this is answered (§5.3)."""
    _allow(request, "POST")
    user = await authenticate(request)
    conversation_id, epoch = abort_target(body_of(request))
    jobs = await get_jobs()
    generation = await in_database(find_running, user, conversation_id, epoch)
    await jobs.abort(generation)
    aborted = generation.conversation.conversation_id
    return generation_response({"success": True, "aborted": aborted})


async def steer(request: HttpRequest) -> HttpResponse:
    """Text for a running answer: the client queues it itself on 501 (§5.5)."""
    _allow(request, "POST")
    user = await authenticate(request)
    conversation_id = str(_object(body_of(request)).get("conversationId", ""))
    if await in_database(_running_generation, user, conversation_id) is None:
        raise AppError(status=404, code="NO_ACTIVE_RUN")
    raise AppError(status=501, code="STEER_UNSUPPORTED")


async def steer_cancel(request: HttpRequest) -> HttpResponse:
    _allow(request, "POST")
    await authenticate(request)
    return rest.json_response({"removed": False})


async def steer_arm(request: HttpRequest) -> HttpResponse:
    _allow(request, "POST")
    await authenticate(request)
    return rest.json_response({"armed": False})


async def resume(request: HttpRequest) -> HttpResponse:
    """Answer to a question of a tool: no generation here ever pauses for one (§5.6)."""
    _allow(request, "POST")
    await authenticate(request)
    raise NotFound("No paused generation was found.", key="error")


async def queued_turns(request: HttpRequest) -> HttpResponse:
    """Newer clients keep their queue themselves when told so (contract 04 §10)."""
    _allow(request, "GET")
    await authenticate(request)
    return rest.json_response(
        {"queuedTurns": [], "capability": {"supported": False}, "revision": 0}
    )


async def gen_title(request: HttpRequest, conversation_id: str) -> HttpResponse:
    """Wait for the title of a new conversation; 404 when none comes in time (§6)."""
    _allow(request, "GET")
    user = await authenticate(request)
    for pause in (*TITLE_PAUSES_SECONDS, 0) if settings.TITLE_CONVO else (0,):
        title = await in_database(_title, user, conversation_id)
        if title is None:
            break
        if title != NEW_CHAT_TITLE:
            return rest.json_response({"title": title})
        await asyncio.sleep(pause)
    raise NotFound("Title not found or method not implemented for the conversation's endpoint")


# -- Reading requests ----------------------------------------------------------------------


def body_of(request: HttpRequest) -> json.JSONValue:
    if len(request.body) > json.BODY_LIMIT_BYTES:
        raise TooLarge("request entity too large")
    return rest.parse_json(request.body)


def abort_target(payload: json.JSONValue) -> tuple[str | None, int | None]:
    """Conversation id (None: the only one that runs) and epoch of an abort (§5.3)."""
    body = _object(payload)
    target = body.get("conversationId") or body.get("streamId") or body.get("abortKey")
    if not isinstance(target, str) or not target:
        raise InvalidRequest(code="INVALID_ABORT_TARGET")
    conversation_id = target.partition(":")[0]
    epoch = body.get("generationCreatedAt")
    if epoch is not None and type(epoch) is not int:
        raise InvalidRequest(code="INVALID_GENERATION_IDENTITY")
    return (None if conversation_id == "new" else conversation_id), epoch


def _object(payload: json.JSONValue) -> JSONDict:
    if not isinstance(payload, dict):
        raise InvalidRequest("The request body must be a JSON object.", key="error")
    return payload


def _allow(request: HttpRequest, method: str) -> None:
    if request.method != method:
        raise NotFound("Endpoint not found")


def _epoch(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > 16:
        raise InvalidRequest("Invalid generation identity", key="error")
    return int(text)


# -- Reading rows --------------------------------------------------------------------------


def find_generation(user: User, conversation_id: str, epoch: int | None) -> Generation:
    """The newest generation of a conversation, or that of an epoch.

    Raises NotFound; Forbidden where only somebody else has one (contract 02 §3.1).
    """
    (found,) = run_together(_asking_for_generation(user.pk, conversation_id, epoch))
    return _require(found, conversation_id, epoch)


def _asking_for_generation(
    user_id: str, conversation_id: str, epoch: int | None
) -> Statement[list[Generation]]:
    chat = {"user_id": user_id, "conversation_id": conversation_id}
    if epoch is None:
        return often.newest_generation.asking(**chat)
    return often.generation_of_epoch.asking(**chat, epoch=epoch)


def _require(found: list[Generation], conversation_id: str, epoch: int | None) -> Generation:
    """Raises Forbidden where only somebody else has one, NotFound where nobody has."""
    if found:
        return found[0]
    others = Generation.objects.of_conversation(conversation_id)
    if (others if epoch is None else others.filter(created_ms=epoch)).exists():
        raise Forbidden("Unauthorized", key="error")
    raise _no_stream()


def _no_stream() -> NotFound:
    return NotFound(
        "Stream not found",
        key="error",
        message="The generation does not exist, has completed, or has expired.",
    )


def _running_generation(user: User, conversation_id: str) -> Generation | None:
    """Raises Forbidden for somebody else's."""
    running = Generation.objects.of_conversation(conversation_id).running()
    generation = running.owned_by(user).select_related("conversation").first()
    if generation is None and running.exists():
        raise Forbidden("Unauthorized", key="error")
    return generation


def find_running(user: User, conversation_id: str | None, epoch: int | None) -> Generation:
    """The generation an abort means. Raises NotFound, Forbidden or AppError 409."""
    if conversation_id is None:
        return _only_running(user, epoch)
    generation = _running_generation(user, conversation_id)
    if generation is None:
        raise NotFound("Job not found", key="error", streamId=conversation_id)
    if epoch is not None and epoch != generation.created_ms:
        raise AppError(status=409, code="RUN_REPLACED")
    return generation


def _only_running(user: User, epoch: int | None) -> Generation:
    running = Generation.objects.owned_by(user).running().select_related("conversation")
    if epoch is not None:
        running = running.filter(created_ms=epoch)
    found = list(running[:2])
    if not found:
        raise NotFound("Job not found", key="error", streamId="new")
    if len(found) > 1:
        raise AppError(status=409, code="AMBIGUOUS_ACTIVE_RUN")
    return found[0]


def _active_conversation_ids(user: User) -> list[str]:
    running = Generation.objects.owned_by(user).running()
    return list(running.values_list("conversation__conversation_id", flat=True))


def _title(user: User, conversation_id: str) -> str | None:
    """None when no title will come: unknown, somebody else's or temporary."""
    conversations = Conversation.objects.owned_by(user).filter(is_temporary=False)
    found = conversations.filter(conversation_id=conversation_id)
    return found.values_list("title", flat=True).first()


# -- Answers -------------------------------------------------------------------------------


def _identity(generation: Generation) -> JSONDict:
    conversation_id = generation.conversation.conversation_id
    return {
        "streamId": conversation_id,
        "conversationId": conversation_id,
        "generationCreatedAt": generation.created_ms,
    }


def denied_response(denied: DeniedTurn) -> HttpResponse:
    """In this form the client shows the sentence, and not the JSON around it (01 §6.6)."""
    frame = sse.encode(json.dumps(denied.body()), "error")
    return HttpResponse(frame, status=denied.status, content_type="text/event-stream")


def generation_response(payload: JSONDict) -> HttpResponse:
    """Each body about a generation carries the protocol's version (§1.3)."""
    response = rest.json_response({**payload, "generationProtocolVersion": PROTOCOL_VERSION})
    response[VERSION_HEADER] = str(PROTOCOL_VERSION)
    return response
