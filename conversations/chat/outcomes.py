"""How a turn ends, in words the client renders (contract 02 §7). Pure but for the row types."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from conversations.chat.content import TurnState
from conversations.chat.context import InputTooLong
from conversations.chat.gauge import stored_context, stored_usage
from conversations.columns import parts_of
from conversations.services.turns import Outcome, Status
from librechat_backend.lib import json
from librechat_backend.lib.errors import AppError
from librechat_backend.lib.json import JSONDict
from providers.errors import ErrorKind, ProviderError
from providers.failover import NotPaid
from providers.types import FinishReason, Usage
from usage.ledger.refusals import SpendingRefused

EMPTY_ANSWER = "The model returned an empty answer. Please try again."
FILTERED = "The provider's content filter stopped this answer."
INTERRUPTED = "The server was stopped before the answer began. Please send the message again."
REFUSAL = json.dumps({"type": "refusal"}).decode()
INTERNAL = "Something went wrong on the server. Please try again."


@dataclass(frozen=True, slots=True)
class Ending:
    """How one model's share ended. ``error_text`` is empty where the provider ended it itself."""

    agent_id: str = ""
    group_id: int | None = None
    error_text: str = ""
    reason: FinishReason | None = None
    usage: Usage | None = None


def alone(state: TurnState, ending: Ending, *, has_retained: bool) -> Outcome:
    """The end of an answer one model wrote."""
    if ending.error_text:
        return failed(state, ending.error_text)
    parts = state.parts()
    if ending.reason is FinishReason.REFUSAL and not state.text():
        return _bubble(state, REFUSAL)
    if ending.reason is FinishReason.CONTENT_FILTER:
        return failed(state, FILTERED)
    if not parts and not has_retained:
        return _bubble(state, EMPTY_ANSWER)
    return _complete(state, parts, [ending])


def side_by_side(state: TurnState, endings: Sequence[Ending]) -> Outcome:
    """The end of an answer of several columns; one that failed says so under what it had said."""
    parts = state.parts()
    problems = {ending.agent_id: _problem(parts, ending) for ending in endings}
    if not parts:
        return _bubble(state, next(iter(problems.values())))
    errors: list[JSONDict] = [
        {
            "type": "error",
            "error": problems[ending.agent_id],
            "agentId": ending.agent_id,
            "groupId": ending.group_id,
        }
        for ending in endings
        if problems[ending.agent_id]
    ]
    if len(errors) == len(endings):
        return Outcome(Status.ERROR, [*parts, *errors], metadata=_spent(state))
    return _complete(state, [*parts, *errors], endings)


def _problem(parts: Sequence[JSONDict], ending: Ending) -> str:
    """What went wrong in a column, in words the client renders; empty: nothing."""
    said = parts_of(parts, ending.agent_id)
    if ending.error_text or ending.reason is FinishReason.CONTENT_FILTER:
        return ending.error_text or FILTERED
    if ending.reason is FinishReason.REFUSAL and not said:
        return REFUSAL
    return "" if said else EMPTY_ANSWER


def _complete(state: TurnState, parts: list[JSONDict], endings: Sequence[Ending]) -> Outcome:
    usage = _total([ending.usage for ending in endings if ending.usage])
    is_cut = any(ending.reason is FinishReason.LENGTH for ending in endings)
    return Outcome(
        status=Status.COMPLETE,
        content=parts,
        # Anything but "stop" shows the Continue button, which is right where a limit cut the text.
        finish_reason="length" if is_cut else "",
        token_count=usage.output_tokens if usage else None,
        metadata=_metadata(state, endings[0].usage),
    )


def _metadata(state: TurnState, first: Usage | None) -> JSONDict:
    """What the client's gauge reads of a stored answer (contract 02 §8.1)."""
    metadata = _spent(state)
    if state.context is not None:
        metadata["contextUsage"] = stored_context(state.context, first)
        if state.context.summary_tokens:
            metadata["summaryUsedTokens"] = (
                state.context.instruction_tokens
                + state.context.summary_tokens
                + state.context.message_tokens
            )
    return metadata


def _spent(state: TurnState) -> JSONDict:
    return {"usage": stored_usage(state.usage)} if state.usage else {}


def _total(usages: Sequence[Usage]) -> Usage | None:
    if not usages:
        return None
    return Usage(*(sum(getattr(usage, field.name) for usage in usages) for field in fields(Usage)))


def aborted(state: TurnState) -> Outcome:
    """The person pressed Stop: what there is stays."""
    return Outcome(Status.ABORTED, state.parts(), is_unfinished=True, metadata=_spent(state))


def interrupted(state: TurnState) -> Outcome:
    """The server stopped or died: what there is stays, and nothing is passed off as an answer."""
    parts = state.parts()
    if not parts:
        return replace(_bubble(state, INTERRUPTED), is_unfinished=True)
    return Outcome(Status.ABORTED, parts, is_unfinished=True, metadata=_spent(state))


def failed(state: TurnState, error_text: str) -> Outcome:
    """Before any output an error bubble, after it an error card under what was said.

    Nothing more will come, so the message is complete, not unfinished (contract 02 §7.1 c).
    """
    parts = state.parts()
    if not parts:
        return _bubble(state, error_text)
    content: list[JSONDict] = [*parts, {"type": "error", "error": error_text}]
    return Outcome(Status.ERROR, content, metadata=_spent(state))


def _bubble(state: TurnState, error_text: str) -> Outcome:
    return Outcome(Status.ERROR, None, error_text=error_text, metadata=_spent(state))


def error_text(error: Exception) -> str:
    """A sentence, or the JSON of an error type the client translates (§7.2)."""
    if isinstance(error, InputTooLong):
        return _typed("INPUT_LENGTH", info=str(error))
    if isinstance(error, AppError):
        return json.dumps(error.body()).decode()
    if not isinstance(error, ProviderError):
        return INTERNAL
    if isinstance(error, NotPaid):
        return _unpaid(error.refused)
    if error.kind is ErrorKind.CONTEXT_LENGTH:
        return _typed("INPUT_LENGTH", info=error.message)
    return error.message


def _unpaid(refused: SpendingRefused) -> str:
    """The client has words for balances that are too low; all else is said in ours."""
    if not refused.is_balance or refused.is_busy:
        return str(refused)
    return _typed(
        "token_balance",
        balance=refused.left,
        tokenCost=refused.needed,
        promptTokens=refused.input_tokens,
    )


def _typed(kind: str, **fields: str | int) -> str:
    return json.dumps({"type": kind, **fields}).decode()
