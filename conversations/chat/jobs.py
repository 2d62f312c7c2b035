"""Generations in progress: start, follow, stop, and what happens when a process dies.

The row of a generation decides whether it runs and which process owns it. The owner alone calls
the provider and writes the log; anybody may read. A generation depends on no connection.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from weakref import WeakValueDictionary

import structlog
from django.db import DatabaseError
from django.utils import timezone

from accounts.models import User
from conversations.chat import abandoned, control, outcomes
from conversations.chat.content import TurnState
from conversations.chat.engine import Engine
from conversations.chat.events import Created, Failed, Finished, TurnEvent, is_terminal
from conversations.chat.log.base import EventLog, LogLost, UnknownGeneration
from conversations.chat.request import TurnRequest
from conversations.chat.titling import Titling, title_from_words
from conversations.models import Generation
from conversations.services import generations, turns
from conversations.services.known import AlreadyStarted, ConversationBusy
from conversations.services.turns import Outcome, Turn
from librechat_backend.lib.aio import in_database, spawn, uninterrupted
from librechat_backend.lib.errors import Conflict, NotReady
from usage.entries import RequestEntry
from usage.ledger.settling import unsettled
from usage.ledger.spending import get_spender
from usage.recorder import prepare

HEARTBEAT_SECONDS = 2.0
# Several missed heartbeats: the process is dead, or as good as that.
STALE_AFTER = timedelta(seconds=10)
ABORT_TIMEOUT_SECONDS = 10.0
READ_TIMEOUT_SECONDS = 1.0
TELL_TIMEOUT_SECONDS = 10.0
# Readers in other processes hear of an end a moment after this one.
ELSEWHERE_SECONDS = 0.1
FIRST_EVENT_PAUSES_SECONDS = (0.05, 0.1, 0.2, 0.4)
SAVE_PAUSES_SECONDS = (0.2, 1.0, 3.0, 10.0)
START_ATTEMPTS = 5

log = structlog.get_logger(__name__)


class StopReason(StrEnum):
    ABORT = "abort"
    SHUTDOWN = "shutdown"
    LOST = "lost"


@dataclass(slots=True)
class Job:
    """A generation this process owns."""

    turn: Turn
    engine: Engine
    work: asyncio.Task[Outcome] | None = None
    reason: StopReason | None = None
    done: asyncio.Event = field(default_factory=asyncio.Event)

    def stop(self, reason: StopReason) -> None:
        """The first reason counts; who comes later waits for the same end."""
        if self.reason is not None:
            return
        self.reason = reason
        if self.work is not None:
            self.work.cancel()


@dataclass(frozen=True, slots=True)
class Started:
    """The answer to a start. ``is_repeated``: that request was seen before."""

    generation: Generation
    is_repeated: bool


class Jobs:
    """The generations of one process, which is known to the others as ``process``."""

    def __init__(self, process: str, event_log: EventLog) -> None:
        self.process = process
        self.log = event_log
        self.is_accepting = True
        self._running: dict[str, Job] = {}
        self.titling = Titling(event_log, is_running=self.owns)
        # One start at a time in a conversation: many at once would only stop each other.
        self._starting: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    # -- starting --------------------------------------------------------------------------

    async def start(self, user: User, request: TurnRequest) -> Started:
        """Begin a turn; one that still runs in the same conversation is stopped first.

        A person who leaves meanwhile leaves no turn half begun. Raises AppError for a request
        that is refused, NotReady while shutting down.
        """
        return await uninterrupted(self._start(user, request))

    async def _start(self, user: User, request: TurnRequest) -> Started:
        if request.conversation_id is None:
            return await self._begin(user, request)
        key = f"{user.pk}:{request.conversation_id}"
        lock = self._starting.setdefault(key, asyncio.Lock())
        async with lock:
            return await self._begin(user, request)

    async def _begin(self, user: User, request: TurnRequest) -> Started:
        for _ in range(START_ATTEMPTS):
            if not self.is_accepting:
                raise NotReady("The server is restarting.")
            try:
                turn = await in_database(
                    turns.begin_turn, user=user, request=request, process=self.process
                )
            except AlreadyStarted as repetition:
                return Started(repetition.generation, is_repeated=True)
            except ConversationBusy as busy:
                await self.abort(busy.generation)
                continue
            await self._launch(turn)
            return Started(turn.generation, is_repeated=False)
        raise Conflict("The conversation is busy; try again.", key="error")

    async def _launch(self, turn: Turn) -> None:
        generation_id = turn.generation.id
        # A write cut in half could be in the log or not.
        engine = Engine(turn, lambda events: uninterrupted(self.log.append(generation_id, events)))
        job = Job(turn, engine)
        self._running[generation_id] = job
        try:
            # Before the start is answered, so that whoever subscribes next finds the turn.
            await self.log.append(generation_id, [_created(turn)])
        except LogLost:
            job.stop(StopReason.LOST)  # ended from elsewhere before it began
        except BaseException:
            job.stop(StopReason.SHUTDOWN)
            raise
        finally:
            # Stopped as well: its row says that it runs, and must not say so for ever.
            spawn(self._run(job), name=f"generation {generation_id}")
        if turn.is_new and not turn.conversation.is_temporary:
            self.titling.begin(turn)

    async def _run(self, job: Job) -> None:
        generation_id = job.turn.generation.id
        try:
            outcome = await self._outcome(job)
            engine = job.engine
            outcome = replace(outcome, attached=engine.state.attached, served=engine.served)
            await self._finish(generation_id, _paid(outcome, job.turn.requests))
        finally:
            self._running.pop(generation_id, None)
            for column in job.turn.columns:
                column.is_asked.set()  # stopped before it ran
            job.turn.is_stored.set()
            job.done.set()

    async def _outcome(self, job: Job) -> Outcome:
        job.work = asyncio.create_task(job.engine.run())
        if job.reason is not None:
            job.work.cancel()  # stopped before it began
        await asyncio.wait({job.work})
        state = job.engine.state
        if job.work.cancelled():
            return _stopped(job.reason, state)
        error = job.work.exception()
        if error is None:
            return job.work.result()
        if isinstance(error, LogLost):
            log.warning("log_lost", generation_id=job.turn.generation.id)
            return outcomes.interrupted(state)
        log.error("turn_crashed", generation_id=job.turn.generation.id, exc_info=error)
        return outcomes.failed(state, outcomes.INTERNAL)

    async def _finish(self, generation_id: str, outcome: Outcome) -> None:
        """Store, then tell: whoever reads the final event finds the rows (contract 02 §3.4).

        What cannot be stored stays in the log, and is recovered when the database is back.
        """
        try:
            last: Finished | Failed | None = await self._save(generation_id, outcome)
            if last is None:
                await self._leave_to_another(outcome)
                last = await self._ended(generation_id)
        except DatabaseError:
            log.exception("answer_not_saved", generation_id=generation_id)
            return
        if last is not None:
            await self._tell(generation_id, last)

    async def _leave_to_another(self, outcome: Outcome) -> None:
        """Whoever took the turn over writes down its calls, too."""
        owed = await in_database(unsettled, outcome.requests)
        get_spender().forgive([share for entry in owed for share in entry.shares])

    async def _tell(self, generation_id: str, last: Finished | Failed) -> None:
        """An answer ends whatever the log does: its row says so, and readers ask that, too."""
        try:
            async with asyncio.timeout(TELL_TIMEOUT_SECONDS):
                await self.log.append(generation_id, [last])
        except LogLost:
            log.info("told_by_another", generation_id=generation_id)
        except Exception:  # noqa: BLE001 - the answer is stored, and the next one must begin
            log.exception("end_not_told", generation_id=generation_id)

    async def _ended(self, generation_id: str) -> Finished | Failed | None:
        """How a generation that is not ours any more ended; None while somebody else runs it."""
        return await in_database(turns.stored_result, generation_id=generation_id)

    async def _save(self, generation_id: str, outcome: Outcome) -> Finished | Failed | None:
        """A database that is away for some seconds costs nobody an answer."""
        for pause in SAVE_PAUSES_SECONDS:
            try:
                return await self._save_once(generation_id, outcome)
            except DatabaseError as error:
                log.warning("save_failed", generation_id=generation_id, reason=str(error))
                await asyncio.sleep(pause)
        return await self._save_once(generation_id, outcome)

    async def _save_once(self, generation_id: str, outcome: Outcome) -> Finished | Failed | None:
        return await in_database(
            turns.finish_turn,
            generation_id=generation_id,
            process=self.process,
            outcome=outcome,
        )

    # -- stopping --------------------------------------------------------------------------

    async def abort(self, generation: Generation) -> None:
        """Stop a generation, wherever it runs; returns when its partial answer is stored and its
        readers have been told.
        """
        job = self._running.get(generation.id)
        if job is not None:
            job.stop(StopReason.ABORT)
            await self.titling.settle(generation.id)
            await job.done.wait()
        else:
            await self._abort_elsewhere(generation)
        await self._let_readers_finish(generation.id)

    async def _abort_elsewhere(self, generation: Generation) -> None:
        await control.ask_to_abort(generation)
        with suppress(TimeoutError, UnknownGeneration):
            async with asyncio.timeout(ABORT_TIMEOUT_SECONDS):
                async with aclosing(self.log.read(generation.id)) as events:
                    async for _ in events:
                        pass
        await self.recover(generation, stop=StopReason.ABORT)
        await asyncio.sleep(ELSEWHERE_SECONDS)

    def stop_local(self, generation_id: str, reason: StopReason) -> None:
        if job := self._running.get(generation_id):
            job.stop(reason)

    async def drain(self, grace_seconds: float) -> None:
        """Take no new turns, let running ones end for a while, then keep what they have."""
        self.is_accepting = False
        await self.titling.settle_all()
        jobs = list(self._running.values())
        waiting = [asyncio.create_task(job.done.wait()) for job in jobs]
        if not waiting:
            return
        await asyncio.wait(waiting, timeout=grace_seconds)
        for job in jobs:
            job.stop(StopReason.SHUTDOWN)
        await asyncio.wait(waiting)
        for job in jobs:
            await self._let_readers_finish(job.turn.generation.id)

    async def _let_readers_finish(self, generation_id: str) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(READ_TIMEOUT_SECONDS):
                await self.log.wait_until_read(generation_id)

    # -- following -------------------------------------------------------------------------

    async def snapshot(self, generation: Generation) -> list[TurnEvent]:
        """The events so far. Raises UnknownGeneration.

        Waits for a generation whose row is there and whose first event is still on its way.
        """
        for pause in FIRST_EVENT_PAUSES_SECONDS:
            with suppress(UnknownGeneration):
                return await self.log.snapshot(generation.id)
            if generation.status != Generation.Status.RUNNING:
                break
            await asyncio.sleep(pause)
        return await self.log.snapshot(generation.id)

    async def follow(
        self, generation: Generation, *, after: int = 0
    ) -> AsyncGenerator[list[TurnEvent], None]:
        """The events after number ``after``, an empty list whenever nothing came for a while, and
        always a terminal event at the end. Raises UnknownGeneration.
        """
        async with aclosing(self.log.read(generation.id, after=after)) as stream:
            async for events in stream:
                events = events or await self._check(generation)
                yield events
                if any(is_terminal(event) for event in events):
                    return

    async def _check(self, generation: Generation) -> list[TurnEvent]:
        """Silence: either the model thinks, or the owner died between storing and telling."""
        if generation.id in self._running:
            return []
        end = await self._ended(generation.id)
        return [end] if end else []

    def owns(self, generation_id: str) -> bool:
        return generation_id in self._running

    # -- keeping alive, and taking over ----------------------------------------------------

    async def beat(self) -> None:
        """Refresh the rows of what runs here; what is not ours any more stops."""
        addresses = {number: job.turn.request.ip_address for number, job in self._running.items()}
        if not addresses:
            return
        owned = await in_database(generations.beat, process=self.process, addresses=addresses)
        for generation_id in addresses.keys() - owned:
            self.stop_local(generation_id, StopReason.LOST)

    async def recover_stale(self, *, all_others: bool = False) -> int:
        """Finish what dead processes left behind; returns how many generations. One that cannot be
        finished keeps neither the others nor the start of the server.

        ``all_others``: this process is the only one, so every other owner is dead.
        """
        now = timezone.now()
        silent_since = now if all_others else now - STALE_AFTER
        stale = await in_database(lambda: list(Generation.objects.silent_since(silent_since)))
        abandoned = [generation for generation in stale if not self.owns(generation.id)]
        for generation in abandoned:
            try:
                await self.recover(generation)
            except Exception:  # noqa: BLE001 - it is found again, and may do better then
                log.exception("recovery_failed", generation_id=generation.id)
        return len(abandoned)

    async def recover(
        self, generation: Generation, *, stop: StopReason = StopReason.SHUTDOWN
    ) -> None:
        """Take a generation over and store what its events hold; no-op when somebody else did."""
        taken = await in_database(
            generations.take_over,
            generation_id=generation.id,
            from_process=generation.process,
            to_process=self.process,
        )
        if not taken:
            return
        state = TurnState(await self.log.recover(generation.id))
        requests = await in_database(abandoned.requests_of, generation, state)
        outcome = replace(_stopped(stop, state), attached=state.attached)
        await self._finish(generation.id, _paid(outcome, requests))
        await in_database(title_from_words, generation)


def _paid(outcome: Outcome, requests: Sequence[RequestEntry]) -> Outcome:
    """With the rows of its calls, to be stored with it."""
    for entry in requests:
        prepare(entry)
    return replace(outcome, requests=tuple(requests))


def _stopped(reason: StopReason | None, state: TurnState) -> Outcome:
    return outcomes.aborted(state) if reason is StopReason.ABORT else outcomes.interrupted(state)


def _created(turn: Turn) -> Created:
    return Created(
        conversation_id=turn.conversation.conversation_id,
        response_message_id=turn.generation.response_message_id,
        sender=turn.sender,
        endpoint=turn.resolved.endpoint,
        model=turn.resolved.model,
        icon_url=turn.conversation.icon_url,
        user_message=turn.user_message,
    )
