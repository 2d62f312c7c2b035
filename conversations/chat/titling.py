"""Each new conversation gets its title beside its answer, whatever becomes of either.

With ``TITLE_CONVO`` off it keeps the one it began with until the person gives it another.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial

from django.conf import settings
from django.utils import timezone

from conversations.chat import titles
from conversations.chat.accounting import new_trace, record_title, show_beside
from conversations.chat.beside import after_answer
from conversations.chat.events import Titled
from conversations.chat.fallback import Choice
from conversations.chat.log.base import EventLog, LogLost
from conversations.models import Generation
from conversations.services import generations
from conversations.services.turns import Turn
from librechat_backend.lib.aio import in_database, spawn
from providers.failover import OverBudget


class Titling:
    """The titles one process makes; ``is_running`` tells of a generation whether it runs here."""

    def __init__(self, event_log: EventLog, *, is_running: Callable[[str], bool]) -> None:
        self._log = event_log
        self._is_running = is_running
        self._untitled: dict[str, tuple[Turn, asyncio.Task[None]]] = {}
        self._storing: set[str] = set()

    @property
    def is_idle(self) -> bool:
        return not self._untitled

    def begin(self, turn: Turn) -> None:
        """Ask the model, without waiting for it."""
        if not settings.TITLE_CONVO:
            return
        generation_id = turn.generation.id
        making = spawn(self._give_title(turn), name=f"title {generation_id}")
        self._untitled[generation_id] = turn, making

    async def settle(self, generation_id: str) -> None:
        """Nobody waits for the model any longer: the first words will do.

        The title is in the database when this returns, whoever made it.
        """
        if generation_id not in self._untitled:
            return
        turn, making = self._untitled[generation_id]
        if generation_id in self._storing:
            await asyncio.wait([making])
            return
        await self._set_title(turn, titles.first_words(turn.request.text))
        making.cancel()

    async def settle_all(self) -> None:
        for generation_id in list(self._untitled):
            await self.settle(generation_id)

    async def recover_forgotten(self, *, all_others: bool = False) -> None:
        """Give titles to conversations whose process died between the answer and the title.

        ``all_others``: this process is the only one, so every other is dead.
        """
        if not settings.TITLE_CONVO:
            return
        patience = timedelta(0) if all_others else 2 * timedelta(seconds=titles.TIMEOUT_SECONDS)
        before = timezone.now() - patience
        own = self._untitled.keys()
        for generation in await in_database(lambda: list(Generation.objects.untitled(before))):
            if generation.id not in own:
                await in_database(title_from_words, generation)

    async def _give_title(self, turn: Turn) -> None:
        await self._set_title(turn, await _paid_title(turn))

    async def _set_title(self, turn: Turn, title: str) -> None:
        generation_id = turn.generation.id
        if generation_id in self._storing or generation_id not in self._untitled:
            return
        self._storing.add(generation_id)
        try:
            saved = await in_database(
                generations.set_title, conversation=turn.conversation, title=title
            )
        finally:
            self._storing.discard(generation_id)
            self._untitled.pop(generation_id, None)
        if saved and self._is_running(generation_id):
            with suppress(LogLost):
                await self._log.append(generation_id, [Titled(title)])


async def _paid_title(turn: Turn) -> str:
    """Like the answer by another preset, where a budget is used up that names one."""
    choice = Choice(turn.user, turn.resolved)
    while True:
        try:
            return await after_answer(turn, partial(_title_by, turn, choice))
        except OverBudget as error:
            if not await choice.move_on(error.refused):
                return titles.first_words(turn.request.text)


async def _title_by(turn: Turn, choice: Choice) -> str:
    resolved = choice.resolved
    trace = new_trace(turn, resolved)
    try:
        return await titles.make_title(
            turn.request.text,
            endpoint=resolved.endpoint,
            model=resolved.model,
            own=resolved.title_model,
            principal=resolved.principal,
            trace=trace,
        )
    finally:
        model = titles.title_model(resolved.model, resolved.title_model)
        trace.decision = choice.routing or trace.decision
        show_beside(turn, record_title(turn, resolved, trace, model=model))


def title_from_words(generation: Generation) -> None:
    """The process died before the title was made."""
    conversation = generation.conversation
    if not generation.turn["is_new"] or conversation.is_temporary:
        return
    question = conversation.messages.filter(message_id=generation.user_message_id).first()
    if question is not None:
        generations.set_title(conversation=conversation, title=titles.first_words(question.text))
