"""The WebSocket twin of the chat stream, for programs that prefer it (docs/websocket.md).

The same generations and the same event objects as over HTTP, several at a time on one connection.
"""

import asyncio
from contextlib import ExitStack, aclosing
from dataclasses import replace
from typing import Any

import structlog
from channels.generic.websocket import AsyncWebsocketConsumer

from accounts.authentication import active_user, user_for_token
from accounts.models import User
from accounts.services.bans import Banned
from conversations.chat.admission import admit
from conversations.chat.doorkeeper import watched
from conversations.chat.encoder import Encoder
from conversations.chat.events import TurnEvent
from conversations.chat.jobs import Jobs
from conversations.chat.log.base import UnknownGeneration
from conversations.chat.request import parse_turn_request
from conversations.chat.runtime import get_jobs
from conversations.models import Generation
from conversations.views.chat import abort_target, find_generation, find_running
from librechat_backend.lib import json, rest
from librechat_backend.lib.aio import in_database, spawn
from librechat_backend.lib.errors import AppError, InvalidRequest, NotFound
from librechat_backend.lib.json import JSONDict
from librechat_backend.lib.throttling import client_address

NOT_AUTHENTICATED = 4401
AUTHENTICATE_SECONDS = 10.0
MAX_SUBSCRIPTIONS = 32
SUBPROTOCOL = "bearer"
_FORWARDED = b"x-forwarded-for"

log = structlog.get_logger(__name__)


class ChatConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]
    """Commands: ``authenticate``, ``start``, ``subscribe``, ``unsubscribe``, ``abort``."""

    async def connect(self) -> None:
        """The token comes in the Authorization header, as second subprotocol, or first message."""
        self.user: User | None = None
        self.subscriptions: dict[str, asyncio.Task[None]] = {}
        token = _header_token(self.scope) or _subprotocol_token(self.scope)
        subprotocol = SUBPROTOCOL if SUBPROTOCOL in self.scope["subprotocols"] else None
        await self.accept(subprotocol)
        self.deadline = asyncio.create_task(self._close_strangers())
        self.open = ExitStack()
        self.open.enter_context(watched(_address(self.scope), self._turn_away))
        if token:
            await self._guarded(self._authenticate, {"type": "authenticate", "token": token})

    async def disconnect(self, code: int) -> None:
        self.deadline.cancel()
        self.open.close()
        for task in self.subscriptions.values():
            task.cancel()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        try:
            message = rest.parse_json((text_data or "").encode() or bytes_data or b"")
        except InvalidRequest:
            message = None
        if not isinstance(message, dict):
            await self._send_error(InvalidRequest("Expected a JSON object."), {})
            return
        command = self._commands().get(str(message.get("type")))
        if command is None:
            await self._send_error(InvalidRequest("Unknown message type."), message)
        elif self.user is None and message["type"] != "authenticate":
            await self.close(NOT_AUTHENTICATED)
        else:
            await self._guarded(command, message)

    async def _check_person(self, message: JSONDict) -> None:
        """A connection may be older than what has happened to its person or address meanwhile."""
        if message["type"] != "authenticate":
            self.user = await in_database(
                active_user, self._signed_in.pk, ip_address=_address(self.scope)
            )

    def _commands(self) -> dict[str, Any]:
        return {
            "authenticate": self._authenticate,
            "start": self._start,
            "subscribe": self._subscribe,
            "unsubscribe": self._unsubscribe,
            "abort": self._abort,
        }

    async def _guarded(self, command: Any, message: JSONDict) -> None:
        try:
            await self._check_person(message)
            await command(message)
        except AppError as error:
            await self._send_error(error, message)
            if error.status == 401 or isinstance(error, Banned):
                await self.close(NOT_AUTHENTICATED)

    async def _turn_away(self) -> None:
        await self._send_error(Banned(), {})
        await self.close(NOT_AUTHENTICATED)

    async def _close_strangers(self) -> None:
        await asyncio.sleep(AUTHENTICATE_SECONDS)
        if self.user is None:
            await self.close(NOT_AUTHENTICATED)

    # -- commands --------------------------------------------------------------------------

    async def _authenticate(self, message: JSONDict) -> None:
        token = str(message.get("token", ""))
        self.user = await in_database(user_for_token, token, ip_address=_address(self.scope))
        await self._send({"type": "authenticated", "userId": self.user.id}, message)

    async def _start(self, message: JSONDict) -> None:
        """``payload`` is the body of POST /api/agents/chat; its events follow at once."""
        jobs = await get_jobs()
        request = parse_turn_request(message.get("payload"))
        request = replace(request, ip_address=_address(self.scope))
        await in_database(admit, self._signed_in, request, ip_address=request.ip_address)
        started = await jobs.start(self._signed_in, request)
        status = "resumed" if started.is_repeated else "started"
        await self._send(
            {"type": "started", "status": status, **_identity(started.generation)}, message
        )
        self._follow(jobs, started.generation, await self._past(jobs, started.generation), after=0)

    async def _subscribe(self, message: JSONDict) -> None:
        """``after``: the number of the last event the program has; 0 for all."""
        after = message.get("after", 0)
        if type(after) is not int or after < 0:
            raise InvalidRequest("after: expected a whole number of at least 0")
        generation = await in_database(
            find_generation, self._signed_in, str(message.get("streamId", "")), _epoch(message)
        )
        jobs = await get_jobs()
        past = await self._past(jobs, generation)
        if after > len(past):
            raise InvalidRequest(f"after: there are {len(past)} events so far")
        await self._send({"type": "subscribed", **_identity(generation)}, message)
        self._follow(jobs, generation, past, after=after)

    async def _unsubscribe(self, message: JSONDict) -> None:
        task = self.subscriptions.pop(str(message.get("streamId", "")), None)
        if task is not None:
            task.cancel()

    async def _abort(self, message: JSONDict) -> None:
        conversation_id, epoch = abort_target(
            {"conversationId": message.get("streamId"), "generationCreatedAt": _epoch(message)}
        )
        generation = await in_database(find_running, self._signed_in, conversation_id, epoch)
        await (await get_jobs()).abort(generation)
        await self._send({"type": "aborted", **_identity(generation)}, message)

    @property
    def _signed_in(self) -> User:
        assert self.user is not None  # noqa: S101 - receive() lets nobody else in
        return self.user

    # -- events ----------------------------------------------------------------------------

    async def _past(self, jobs: Jobs, generation: Generation) -> list[TurnEvent]:
        try:
            return await jobs.snapshot(generation)
        except UnknownGeneration:
            raise NotFound("Stream not found") from None

    def _follow(
        self, jobs: Jobs, generation: Generation, past: list[TurnEvent], *, after: int
    ) -> None:
        stream_id = generation.conversation.conversation_id
        if len(self.subscriptions) >= MAX_SUBSCRIPTIONS and stream_id not in self.subscriptions:
            raise InvalidRequest(f"At most {MAX_SUBSCRIPTIONS} subscriptions at a time.")
        if previous := self.subscriptions.get(stream_id):
            previous.cancel()
        encoder = Encoder()
        encoder.skip(past[:after])
        self.subscriptions[stream_id] = spawn(
            self._relay(jobs, generation, encoder, after), name=f"relay {generation.id}"
        )

    async def _relay(
        self, jobs: Jobs, generation: Generation, encoder: Encoder, number: int
    ) -> None:
        """``number``: of the last event the program has."""
        stream_id, after = generation.conversation.conversation_id, number
        async with aclosing(jobs.follow(generation, after=after)) as batches:
            async for events in batches:
                number += len(events)
                await self._send_batch(stream_id, encoder.payloads(events), number)
        if self.subscriptions.get(stream_id) is asyncio.current_task():
            del self.subscriptions[stream_id]

    async def _send_batch(self, stream_id: str, payloads: list[JSONDict], number: int) -> None:
        """Deltas may share an object, so a number is known only where a batch ends."""
        if not payloads:
            await self._send({"type": "ping"})
        for left, payload in zip(range(len(payloads) - 1, -1, -1), payloads, strict=True):
            sequence = {} if left else {"sequence": number}
            await self._send({"type": "event", "streamId": stream_id, **sequence, "event": payload})

    # -- sending ---------------------------------------------------------------------------

    async def _send(self, payload: JSONDict, answered: JSONDict | None = None) -> None:
        """``requestId`` of a command is repeated in its answer."""
        request_id = (answered or {}).get("requestId")
        tag = {"requestId": request_id} if request_id is not None else {}
        await self.send(text_data=json.dumps({**payload, **tag}).decode())

    async def _send_error(self, error: AppError, message: JSONDict) -> None:
        await self._send({"type": "error", "status": error.status, **error.body()}, message)


def _identity(generation: Generation) -> JSONDict:
    conversation_id = generation.conversation.conversation_id
    return {
        "streamId": conversation_id,
        "conversationId": conversation_id,
        "generationCreatedAt": generation.created_ms,
    }


def _epoch(message: JSONDict) -> int | None:
    epoch = message.get("generationCreatedAt")
    if epoch is not None and type(epoch) is not int:
        raise InvalidRequest("generationCreatedAt: expected a whole number")
    return epoch


def _address(scope: JSONDict) -> str:
    peer = scope.get("client")
    forwarded = [value.decode("latin-1") for n, value in scope["headers"] if n == _FORWARDED]
    return client_address(peer[0], ",".join(forwarded)) if peer else ""


def _header_token(scope: JSONDict) -> str:
    for name, value in scope["headers"]:
        if name == b"authorization" and value[:7].lower() == b"bearer ":
            return str(value[7:].decode("latin-1").strip())
    return ""


def _subprotocol_token(scope: JSONDict) -> str:
    """Browsers cannot set headers: ``new WebSocket(url, ["bearer", token])``."""
    offered: list[str] = scope["subprotocols"]
    return offered[1] if len(offered) == 2 and offered[0] == SUBPROTOCOL else ""
