"""The request to a model before it is fitted into its window."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

from conversations.chat import context, summaries
from conversations.chat.attached import Attached
from conversations.chat.context import Measure
from conversations.services.columns import Column
from conversations.services.turns import Turn
from presets.parameters import to_parameters
from presets.variables import fill_variables
from providers import catalog
from providers.types import ChatRequest


@dataclass(frozen=True, slots=True)
class Draft:
    """A request before it is fitted. ``message_ids`` name the rows of its messages, in their order
    and without the answer that is continued; ``summary`` is of what came before them.
    """

    request: ChatRequest
    message_ids: tuple[str, ...]
    window: int
    budget: int
    summary: str

    def fit(self) -> tuple[ChatRequest, Measure]:
        """The summary goes before the newest question does. Raises InputTooLong."""
        fit = partial(context.fit, self.request, window=self.window, budget=self.budget)
        try:
            return fit(summary=self.summary)
        except context.InputTooLong:
            return fit()

    def count_to_summarize(self) -> int:
        """How many messages fall out when half of the budget is to be free again.

        All but the newest question where that takes more than half by itself.
        """
        try:
            kept, _ = context.fit(self.request, window=self.window, budget=self.budget // 2)
        except context.InputTooLong:
            kept, _ = context.fit(
                self.request, window=self.window, budget=context.needed_tokens(self.request)
            )
        return len(self.request.messages) - len(kept.messages)

    def after(self, count: int, summary: str) -> "Draft":
        """Without the first ``count`` messages, which ``summary`` stands for."""
        request = replace(self.request, messages=self.request.messages[count:])
        return replace(self, request=request, message_ids=self.message_ids[count:], summary=summary)


def make_draft(turn: Turn, column: Column, attached: Mapping[str, Attached]) -> Draft:
    """All there is to say, before it is fitted."""
    resolved, settings = column.resolved, column.resolved.settings
    parameters = to_parameters(settings)
    window = catalog.context_window(turn.background.channels, resolved.model)
    budget = context.token_budget(
        window=window,
        limit=settings.get("maxContextTokens"),
        max_output=parameters.max_output_tokens,
    )
    instructions = fill_variables(
        resolved.system_message or settings.get("promptPrefix", ""),
        user_name=turn.user.name or turn.user.username,
        # Anchored to the chat's beginning: a prefix that stays equal is cached by providers.
        moment=turn.conversation.created_at,
        timezone=turn.request.timezone,
    )
    summary, newer = summaries.latest_summary(turn.background.branch)
    told = context.told_rows(newer, attached)
    retained = context.history([], column.retained)
    request = ChatRequest(
        model=resolved.model,
        messages=(*(message for _, message in told), *retained),
        system=context.with_memories(instructions, turn.background.memories, budget=budget),
        parameters=parameters,
        user_id=turn.user.id,
    )
    return Draft(
        request=request,
        message_ids=tuple(message_id for message_id, _ in told),
        window=window,
        budget=budget,
        summary=summary.text if summary else "",
    )
