"""Run one turn: ask the model, write what it says into the log, tell how it ended.

The engine knows neither readers nor rows of the end; see ``jobs`` for its life.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing

import structlog

from conversations.chat import context, outcomes
from conversations.chat.content import TurnState
from conversations.chat.events import ContextMeasured, TokensUsed, ToolFinished, TurnEvent
from conversations.chat.steps import StepWriter
from conversations.services.turns import Outcome, Turn, history_rows
from conversations.tree import branch_to
from librechat_backend.lib.aio import in_database
from presets.parameters import to_parameters
from providers import catalog, client
from providers.errors import ProviderError
from providers.types import ChatRequest

log = structlog.get_logger(__name__)

Emit = Callable[[Sequence[TurnEvent]], Awaitable[None]]


class Engine:
    """One answer. ``state`` is what has been emitted so far, at every moment."""

    def __init__(self, turn: Turn, emit: Emit) -> None:
        self.turn = turn
        self.state = TurnState()
        self._emit_to_log = emit
        self._writer = StepWriter()

    async def run(self) -> Outcome:
        """The outcome, errors of the provider included; only cancellation is raised."""
        try:
            request = await self._prepare()
            await self._answer(request)
            await self._close_tools()
            await self._report_usage(request)
        except (ProviderError, context.InputTooLong) as error:
            log.info(
                "turn_failed", generation_id=self.turn.generation.id, reason=type(error).__name__
            )
            return outcomes.failed(self.state, outcomes.error_text(error))
        return outcomes.completed(
            self.state,
            reason=self._writer.finish_reason,
            usage=self._writer.usage,
            has_retained=bool(self.turn.retained),
        )

    async def _prepare(self) -> ChatRequest:
        request, window, budget = await in_database(build_request, self.turn)
        fitted, measure = context.fit(request, window=window, budget=budget)
        await self._emit(
            [
                ContextMeasured(
                    window=measure.window,
                    budget=measure.budget,
                    instruction_tokens=measure.instruction_tokens,
                    message_tokens=measure.message_tokens,
                    message_count=measure.message_count,
                    pruned_tokens=measure.pruned_tokens,
                )
            ]
        )
        return fitted

    async def _answer(self, request: ChatRequest) -> None:
        stream = client.stream(request, endpoint=self.turn.resolved.endpoint)
        async with aclosing(stream):
            async for batch in stream:
                await self._emit(self._writer.write(batch))

    async def _close_tools(self) -> None:
        """No tools are offered, so a model that calls one anyway hears that."""
        await self._emit(
            [
                ToolFinished(step.step_id, f"The tool {step.name} is not available here.")
                for step in self._writer.tool_steps
            ]
        )

    async def _report_usage(self, request: ChatRequest) -> None:
        usage = self._writer.usage
        if usage is None:
            return
        event = TokensUsed(
            sequence=1,
            provider=self.turn.resolved.endpoint,
            model=request.model,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cache_read_tokens=usage.cache_read_tokens,
            cache_write_tokens=usage.cache_write_tokens,
        )
        await self._emit([event])

    async def _emit(self, events: Sequence[TurnEvent]) -> None:
        if not events:
            return
        # Into the state first: an abort between the two keeps what a reader may have seen.
        for event in events:
            self.state.apply(event)
        await self._emit_to_log(events)


def build_request(turn: Turn) -> tuple[ChatRequest, int, int]:
    """The request before it is fitted, the model's window and the budget, both in tokens."""
    rows = history_rows(user=turn.user, conversation=turn.conversation)
    branch = branch_to({row["message_id"]: row for row in rows}, turn.generation.user_message_id)
    settings = turn.resolved.settings
    parameters = to_parameters(settings)
    window = catalog.context_window(turn.resolved.model)
    request = ChatRequest(
        model=turn.resolved.model,
        messages=tuple(context.history(branch, turn.retained)),
        system=context.fill_variables(
            turn.resolved.system_message or settings.get("promptPrefix", ""),
            user_name=turn.user.name or turn.user.username,
            # Anchored to the chat's beginning: a prefix that stays equal is cached by providers.
            moment=turn.conversation.created_at,
            timezone=turn.request.timezone,
        ),
        parameters=parameters,
        user_id=turn.user.id,
    )
    budget = context.token_budget(
        window=window,
        limit=settings.get("maxContextTokens"),
        max_output=parameters.max_output_tokens,
    )
    return request, window, budget
