"""A model that says one piece whenever it is told to, and the readers of its turns."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from asgiref.sync import sync_to_async

from accounts.models import User
from conversations.chat.events import TurnEvent
from conversations.chat.jobs import Jobs, Started
from conversations.chat.request import parse_turn_request
from conversations.models import Generation, Message
from conversations.views.chat import open_stream
from librechat_backend.lib.ids import NO_PARENT
from providers.base import Connection
from providers.errors import ProviderError
from providers.types import (
    ChatRequest,
    Finish,
    FinishReason,
    ReasoningDelta,
    StreamEvent,
    TextDelta,
)
from tests.conversations.chat.reader import Screen

THOUGHTS = ["Hm", ", "]
WORDS = ["Old ", "pond ", "— ", "a ", "frog."]
ANSWER = "".join(THOUGHTS + WORDS)
STEPS = len(THOUGHTS) + len(WORDS)
POSITIONS = range(STEPS + 1)

_watchers: set[asyncio.Task[Screen]] = set()


class Script:
    """An adapter that says one piece whenever it is told to."""

    def __init__(self) -> None:
        self.pieces: list[StreamEvent] = [
            *map(ReasoningDelta, THOUGHTS), *map(TextDelta, WORDS)
        ]  # fmt: skip
        self.error: ProviderError | None = None
        self.title = "Frog Pond"
        self.active = 0
        self._go = asyncio.Semaphore(0)

    def say(self, count: int = 1) -> None:
        for _ in range(count):
            self._go.release()

    def say_all(self) -> None:
        self.say(len(self.pieces) + 1)

    async def stream(
        self, request: ChatRequest, connection: Connection
    ) -> AsyncGenerator[list[StreamEvent], None]:
        if request.purpose == "title":
            yield [TextDelta(self.title)]
            return
        self.active += 1
        try:
            for piece in self.pieces:
                await self._go.acquire()
                yield [piece]
            await self._go.acquire()
            if self.error:
                raise self.error
            yield [Finish(FinishReason.STOP)]
        finally:
            self.active -= 1


def payload(**fields: Any) -> Any:
    body = {"text": "Write a haiku", "endpoint": "Demo", "model": "demo-assistant"}
    return {**body, "parentMessageId": NO_PARENT, **fields}


async def start(jobs: Jobs, user: User, **fields: Any) -> Started:
    return await jobs.start(user, parse_turn_request(payload(**fields)))


async def until_said(jobs: Jobs, generation: Generation, count: int) -> list[TurnEvent]:
    """Wait for so many deltas in the log."""
    async with asyncio.timeout(5):
        while True:
            past = await jobs.log.snapshot(generation.id)
            if sum(hasattr(event, "text") for event in past) >= count:
                return past
            await asyncio.sleep(0.002)


async def watch(
    jobs: Jobs, generation: Generation, *, resume: bool = False, screen: Screen | None = None
) -> Screen:
    frames = await open_stream(jobs, generation, is_resumed=resume)
    async with asyncio.timeout(10), aclosing(frames):
        return await (screen or Screen()).follow(frames)


def watching(jobs: Jobs, generation: Generation, *, resume: bool = False) -> asyncio.Task[Screen]:
    return asyncio.create_task(watch(jobs, generation, resume=resume))


async def watch_two(jobs: Jobs, generation: Generation) -> list[Screen]:
    """Screens of one that came first and one that resumed, both showing something already."""
    screens = [Screen(), Screen()]
    for screen, resume in zip(screens, (False, True), strict=True):
        _watchers.add(asyncio.create_task(watch(jobs, generation, resume=resume, screen=screen)))
    async with asyncio.timeout(5):
        while not all(screen.payloads for screen in screens):  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    return screens


@sync_to_async
def stored(generation: Generation) -> tuple[str, list[Message]]:
    """The status of the generation and the answers of its conversation."""
    status = Generation.objects.values_list("status", flat=True).get(pk=generation.pk)
    answers = Message.objects.filter(
        conversation_id=generation.conversation_id, is_created_by_user=False
    )
    return status, list(answers)


def text_in(message: Message) -> str:
    return "".join(part.get("text", part.get("think", "")) for part in message.content or [])
