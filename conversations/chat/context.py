"""A turn → the request a model is sent: instructions, history, and what fits its window. Pure.

Contract 02 §9.2–9.3.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from librechat_backend.lib.json import JSONDict
from providers.tokens import estimate_tokens
from providers.types import ChatRequest, Message, TextPart, ToolCallPart, ToolResultPart

Row = Mapping[str, Any]

MINIMUM_BUDGET_TOKENS = 1024
# Room for what an estimate gets wrong.
WINDOW_SHARE = 0.95
MESSAGE_OVERHEAD_TOKENS = 4


class InputTooLong(Exception):
    """Instructions and the newest message alone exceed the budget (both in tokens)."""

    def __init__(self, needed: int, budget: int) -> None:
        super().__init__(f"{needed} / {budget}")


@dataclass(frozen=True, slots=True)
class Measure:
    """Estimated tokens of a fitted request."""

    window: int
    budget: int
    instruction_tokens: int
    message_tokens: int
    message_count: int
    pruned_tokens: int


def fill_variables(text: str, *, user_name: str, moment: datetime, timezone: str) -> str:
    """Replace ``{{current_date}}`` and its kin (contract 02 §9.2)."""
    if "{{" not in text:
        return text
    local = moment.astimezone(_zone(timezone))
    values = {
        "{{current_date}}": f"{local:%Y-%m-%d (%A)}",
        "{{current_datetime}}": f"{local:%Y-%m-%d %H:%M:%S (%A)}",
        "{{iso_datetime}}": f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.000Z",
        "{{current_user}}": user_name,
    }
    for name, value in values.items():
        text = text.replace(name, value)
    return text


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def history(branch: Sequence[Row], retained: Sequence[JSONDict] = ()) -> list[Message]:
    """The messages of a branch, oldest first; ``retained`` begins the answer to come.

    Rows that are errors as a whole are left out: they were never said by anyone.
    """
    messages = [m for row in branch if not row["error"] for m in _row_messages(row)]
    return [*messages, *_answer_messages(list(retained))]


def _row_messages(row: Row) -> list[Message]:
    if row["is_created_by_user"]:
        return [Message("user", (TextPart(_quoted(row)),))]
    content = row["content"]
    return _answer_messages([{"type": "text", "text": row["text"]}] if content is None else content)


def _quoted(row: Row) -> str:
    blocks = ["> " + quote.replace("\n", "\n> ") for quote in row["quotes"]]
    return "\n\n".join([*blocks, row["text"]])


def _answer_messages(parts: Sequence[JSONDict]) -> list[Message]:
    """Text and tool calls; thoughts and errors stay out.

    What is said after a tool's result is a message of its own: providers want results right
    behind the message that called.
    """
    messages: list[Message] = []
    said: list[TextPart | ToolCallPart] = []
    results: list[ToolResultPart] = []
    for part in parts:
        if part["type"] == "text" and part["text"]:
            if results:
                messages += _exchange(said, results)
                said, results = [], []
            said.append(TextPart(part["text"]))
        elif part["type"] == "tool_call":
            call = part["tool_call"]
            said.append(ToolCallPart(call["id"], call["name"], call["args"] or "{}"))
            results.append(ToolResultPart(call["id"], call["name"], call.get("output", "")))
    return [*messages, *_exchange(said, results)]


def _exchange(
    said: Sequence[TextPart | ToolCallPart], results: Sequence[ToolResultPart]
) -> list[Message]:
    messages = [Message("assistant", tuple(said))] if said else []
    return [*messages, *([Message("tool", tuple(results))] if results else [])]


def token_budget(*, window: int, limit: int | None, max_output: int | None) -> int:
    """Tokens the request may have. ``limit`` is what the person set as the context's size."""
    if limit:
        return max(MINIMUM_BUDGET_TOKENS, limit)
    # A window that output may fill wholly still leaves half of it for the input.
    reserved = min(max_output or 0, window // 2)
    return max(MINIMUM_BUDGET_TOKENS, int((window - reserved) * WINDOW_SHARE))


def fit(request: ChatRequest, *, window: int, budget: int) -> tuple[ChatRequest, Measure]:
    """Drop the oldest messages until the request fits; instructions and the newest stay.

    Raises InputTooLong when even those do not.
    """
    instructions = estimate_tokens(request.system)
    sizes = [message_tokens(message) for message in request.messages]
    newest = _newest_question(request.messages)
    needed = instructions + sum(sizes[newest:])
    if needed > budget:
        raise InputTooLong(needed, budget)
    first = _first_that_fits(sizes, newest, budget - needed)
    while request.messages[first].role != "user" and first < newest:
        first += 1  # an answer without its question, or a tool's result without its call
    measure = Measure(
        window=window,
        budget=budget,
        instruction_tokens=instructions,
        message_tokens=sum(sizes[first:]),
        message_count=len(sizes) - first,
        pruned_tokens=sum(sizes[:first]),
    )
    return replace(request, messages=request.messages[first:]), measure


def _newest_question(messages: Sequence[Message]) -> int:
    indices = [index for index, message in enumerate(messages) if message.role == "user"]
    return indices[-1] if indices else 0


def _first_that_fits(sizes: Sequence[int], newest: int, room: int) -> int:
    first = newest
    while first > 0 and sizes[first - 1] <= room:
        first -= 1
        room -= sizes[first]
    return first


def message_tokens(message: Message) -> int:
    return MESSAGE_OVERHEAD_TOKENS + sum(
        estimate_tokens(_part_text(part)) for part in message.parts
    )


def _part_text(part: object) -> str:
    match part:
        case TextPart(text):
            return text
        case ToolCallPart(arguments=arguments):
            return arguments
        case ToolResultPart(output=output):
            return output
    return ""
