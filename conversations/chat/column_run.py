"""One model's share of a turn: ask it, and write what it says into the log."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import replace

import structlog

from conversations.chat import accounting, attachments, context, outcomes, summaries
from conversations.chat.content import TurnState, model_text
from conversations.chat.context import Measure
from conversations.chat.draft import Draft, make_draft
from conversations.chat.events import (
    ContextMeasured,
    Summarized,
    SummaryBegun,
    TokensUsed,
    ToolFinished,
    TurnEvent,
)
from conversations.chat.fallback import Choice
from conversations.chat.log.base import LogLost
from conversations.chat.outcomes import Ending
from conversations.chat.steps import StepWriter
from conversations.columns import parts_of
from conversations.services.columns import Column
from conversations.services.turns import Turn
from presets.resolver import ResolvedTurn
from providers import catalog, client
from providers.errors import ProviderError
from providers.failover import NotPaid, OverBudget
from providers.route_table import RouteTable
from providers.tokens import estimate_tokens
from providers.types import ChatRequest, Finish, StreamEvent, Usage
from usage.entries import RequestEntry, Status, Tokens

# What the client calls usage that is none of the chat's own step (contract 02 §4.9).
BESIDE, SUMMARIZATION = "sequential", "summarization"

# The client takes the provider's name as how it counts. Here input always includes what came from
# a cache, as with these.
COUNTED_LIKE = {"anthropic": "anthropic", "google": "google"}

log = structlog.get_logger(__name__)

Emit = Callable[[Sequence[TurnEvent]], Awaitable[None]]


class ColumnRun:
    """``number`` counts from 0; the first column alone says how full the context is."""

    def __init__(
        self,
        turn: Turn,
        column: Column,
        *,
        number: int,
        indices: Iterator[int],
        state: TurnState,
        emit: Emit,
    ) -> None:
        self._turn, self._column, self._number = turn, column, number
        self._state, self._emit = state, emit
        self._writer = StepWriter(indices, agent_id=column.agent_id, group_id=column.group_id)
        self._choice = Choice(turn.user, column.resolved)
        self._trace = accounting.new_answer_trace(turn, column)
        self._measure: Measure | None = None
        self._is_announced = False

    async def run(self) -> Ending:
        """How it ended, errors of the provider included; only cancellation is raised."""
        status, reason, problem = Status.STOPPED, "", ""
        try:
            await self._answer_paid()
            await self._close_tools()
            status = Status.OK
        except (ProviderError, context.InputTooLong) as error:
            status = self._failed(error)
            reason = accounting.error_name(error)
            log.info("turn_failed", generation_id=self._turn.generation.id, reason=reason)
            problem = outcomes.error_text(error)
        finally:
            self._column.is_asked.set()
            entry = accounting.record_turn(
                self._turn,
                self._column.resolved,
                self._trace,
                status=status,
                error=reason,
                estimate=self._estimate(),
            )
            entry.routing = self._choice.routing or entry.routing
            used = self._used(entry, purpose=BESIDE if self._number else "")
            if status is Status.STOPPED:  # nobody listens any more but who stores the answer
                self._note(used)
        await self._tell(used)
        return self._ending(problem)

    async def _tell(self, used: Sequence[TurnEvent]) -> None:
        """The answer is whole: it ends whatever the log does."""
        try:
            await self._emit(used)
        except LogLost:
            raise
        except Exception:  # noqa: BLE001 - the figures are stored with the answer
            log.exception("usage_not_told", generation_id=self._turn.generation.id)

    def _note(self, used: Sequence[TurnEvent]) -> None:
        for event in used:
            self._state.apply(event)

    def _failed(self, error: Exception) -> Status:
        if isinstance(error, NotPaid):
            return Status.REFUSED
        return Status.PARTIAL if self._trace.first_event_at else Status.FAILED

    def _ending(self, error_text: str) -> Ending:
        return Ending(
            agent_id=self._column.agent_id,
            group_id=self._column.group_id,
            error_text=error_text,
            reason=self._writer.finish_reason,
            usage=self._writer.usage,
        )

    @property
    def served(self) -> ResolvedTurn | None:
        """The preset that answers instead of what was asked for."""
        return self._choice.resolved if self._choice.has_moved else None

    async def _answer_paid(self) -> None:
        """Where a budget is used up that names another preset, on that one. Of several refusals
        the first is raised."""
        first: OverBudget | None = None
        while True:
            try:
                await self._answer(await self._prepare())
                return
            except OverBudget as error:
                first = first or error
                has_begun = self._trace.first_event_at is not None
                if has_begun or not await self._move_on(error):
                    raise first from None

    async def _move_on(self, error: OverBudget) -> bool:
        has_moved = await self._choice.move_on(error.refused)
        self._column = replace(self._column, resolved=self._choice.resolved)
        if has_moved:
            self._trace = accounting.new_answer_trace(self._turn, self._column)
        return has_moved

    async def _prepare(self) -> ChatRequest:
        turn, column = self._turn, self._column
        attached = await attachments.load(turn.user, column.resolved, turn.background.branch)
        draft = make_draft(turn, column, attached)
        fitted, self._measure = draft.fit()
        if self._measure.pruned_tokens and summaries.are_on() and not column.agent_id:
            await self._put_aside(fitted)
            draft = await self._summarized(draft)
            fitted, self._measure = draft.fit()
        if self._number == 0:
            await self._emit([_measured(self._measure)])
        if not self._measure.summary_tokens:
            return fitted
        return replace(fitted, system=summaries.with_summary(fitted.system, draft.summary))

    async def _put_aside(self, request: ChatRequest) -> None:
        """A summary may not take the last credits from the answer it is made for."""
        resolved = self._column.resolved
        await client.put_aside(
            request, endpoint=resolved.endpoint, principal=resolved.principal, trace=self._trace
        )

    async def _summarized(self, draft: Draft) -> Draft:
        """The draft with a summary in place of its older half; as it is, when there is none."""
        count = draft.count_to_summarize()
        resolved = self._column.resolved
        model = summaries.summary_model(resolved.model)
        await self._emit([SummaryBegun(resolved.endpoint, model, count)])
        trace = accounting.new_trace(self._turn, resolved)
        text = await summaries.summarize(
            draft.summary,
            draft.request.messages[:count],
            endpoint=resolved.endpoint,
            model=model,
            window=catalog.context_window(self._turn.background.channels, model),
            principal=resolved.principal,
            trace=trace,
        )
        entry = accounting.record_summary(self._turn, trace, model=model)
        if entry is not None:
            await self._emit(self._used(entry, purpose=SUMMARIZATION))
        if not text:
            return draft
        event = Summarized(
            step_id="",
            text=text,
            provider=resolved.endpoint,
            model=model,
            token_count=estimate_tokens(text),
            boundary_id=draft.message_ids[count - 1],
        )
        await self._emit(self._writer.summary(event))
        return draft.after(count, text)

    async def _answer(self, request: ChatRequest) -> None:
        resolved = self._column.resolved
        self._trace.limits_for = accounting.limits_of(self._turn, resolved)
        stream = client.stream(
            request,
            endpoint=resolved.endpoint,
            principal=resolved.principal,
            trace=self._trace,
            table=self._channels(),
        )
        async with aclosing(stream):
            async for batch in stream:
                notice = self._notice_before(batch)
                await self._emit([*notice, *self._writer.write(batch)])

    def _channels(self) -> RouteTable | None:
        """None for a preset that was looked for when there were others already."""
        background = self._turn.background
        is_same = self._column.resolved.channel_stamp == background.resolved.channel_stamp
        return background.channels if is_same else None

    def _notice_before(self, batch: Sequence[StreamEvent]) -> list[TurnEvent]:
        """Once, before the first words: nothing is announced that does not come."""
        is_answer = any(not isinstance(event, Usage | Finish) for event in batch)
        if not is_answer or self._is_announced or not self._choice.has_moved:
            return []
        self._is_announced = True
        return self._writer.notice(self._choice.notice, preset=self._choice.resolved.spec)

    async def _close_tools(self) -> None:
        """No tools are offered, so a model that calls one anyway hears that."""
        await self._emit(
            [
                ToolFinished(step.step_id, f"The tool {step.name} is not available here.")
                for step in self._writer.tool_steps
            ]
        )

    def _used(self, entry: RequestEntry, *, purpose: str) -> list[TurnEvent]:
        """What was written down of a call, for the gauge; nothing where nothing was answered."""
        tokens = entry.tokens
        if not (tokens.input_tokens or tokens.output_tokens):
            return []
        event = TokensUsed(
            sequence=len(self._state.usage) + 1,
            provider=COUNTED_LIKE.get(self._column.resolved.kind, "openAI"),
            model=entry.requested_model,
            input_tokens=tokens.input_tokens,
            output_tokens=tokens.output_tokens,
            cache_read_tokens=tokens.cache_read_tokens,
            cache_write_tokens=tokens.cache_write_tokens,
            purpose=purpose,
            cost_usd=accounting.shown_cost(self._turn, entry),
        )
        return [event]

    def _estimate(self) -> Tokens:
        """What the call took, for providers that do not say."""
        measure = self._measure
        said = parts_of(self._state.parts(), self._column.agent_id)
        text = "".join(map(model_text, said))
        return Tokens(
            input_tokens=measure.instruction_tokens + measure.message_tokens if measure else 0,
            output_tokens=estimate_tokens(text),
        )


def _measured(measure: Measure) -> ContextMeasured:
    return ContextMeasured(
        window=measure.window,
        budget=measure.budget,
        instruction_tokens=measure.instruction_tokens,
        message_tokens=measure.message_tokens,
        message_count=measure.message_count,
        pruned_tokens=measure.pruned_tokens,
        summary_tokens=measure.summary_tokens,
    )
