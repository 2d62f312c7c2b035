"""How a turn ends, in words the client renders (contract 02 §7). Pure but for the row types."""

from conversations.chat.content import TurnState
from conversations.chat.context import InputTooLong
from conversations.services.turns import Outcome, Status
from librechat_backend.lib import json
from librechat_backend.lib.errors import AppError
from librechat_backend.lib.json import JSONDict
from providers.errors import ErrorKind, ProviderError
from providers.types import FinishReason, Usage

EMPTY_ANSWER = "The model returned an empty answer. Please try again."
FILTERED = "The provider's content filter stopped this answer."
INTERRUPTED = "The server was stopped before the answer began. Please send the message again."
INTERNAL = "Something went wrong on the server. Please try again."


def completed(
    state: TurnState, *, reason: FinishReason | None, usage: Usage | None, has_retained: bool
) -> Outcome:
    """The provider ended the answer by itself."""
    parts = state.parts()
    if reason is FinishReason.REFUSAL and not state.text():
        return _bubble(json.dumps({"type": "refusal"}).decode())
    if reason is FinishReason.CONTENT_FILTER:
        return failed(state, FILTERED)
    if not parts and not has_retained:
        return _bubble(EMPTY_ANSWER)
    return Outcome(
        status=Status.COMPLETE,
        content=parts,
        # Anything but "stop" shows the Continue button, which is right where a limit cut the text.
        finish_reason="length" if reason is FinishReason.LENGTH else "",
        token_count=usage.output_tokens if usage else None,
        metadata={"usage": _usage(usage)} if usage else {},
    )


def aborted(state: TurnState) -> Outcome:
    """The person pressed Stop: what there is stays."""
    return Outcome(Status.ABORTED, state.parts(), is_unfinished=True)


def interrupted(state: TurnState) -> Outcome:
    """The server stopped or died: what there is stays, and nothing is passed off as an answer."""
    parts = state.parts()
    if not parts:
        return _bubble(INTERRUPTED)
    return Outcome(Status.ABORTED, parts, is_unfinished=True)


def failed(state: TurnState, error_text: str) -> Outcome:
    """Before any output an error bubble, after it an error card under what was said.

    With the card the message is complete, not unfinished (contract 02 §7.1 c).
    """
    parts = state.parts()
    if not parts:
        return _bubble(error_text)
    content: list[JSONDict] = [*parts, {"type": "error", "error": error_text}]
    return Outcome(Status.ERROR, content)


def _bubble(error_text: str) -> Outcome:
    return Outcome(Status.ERROR, None, error_text=error_text, is_unfinished=True)


def error_text(error: Exception) -> str:
    """A sentence, or the JSON of an error type the client translates (§7.2)."""
    if isinstance(error, InputTooLong):
        return _typed("INPUT_LENGTH", info=str(error))
    if isinstance(error, AppError):
        return json.dumps(error.body()).decode()
    if not isinstance(error, ProviderError):
        return INTERNAL
    if error.kind is ErrorKind.CONTEXT_LENGTH:
        return _typed("INPUT_LENGTH", info=error.message)
    return error.message


def _typed(kind: str, **fields: str) -> str:
    return json.dumps({"type": kind, **fields}).decode()


def _usage(usage: Usage) -> JSONDict:
    return {
        "input": usage.input_tokens,
        "output": usage.output_tokens,
        "cacheWrite": usage.cache_write_tokens,
        "cacheRead": usage.cache_read_tokens,
    }
