"""A turn → the request a model is sent: instructions, history, and what fits its window. Pure.

Contract 02 §9.2–9.3.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from conversations.chat.attached import Attached
from conversations.columns import is_parallel, primary_parts
from librechat_backend.lib import json
from librechat_backend.lib.json import JSONDict
from providers.sizes import message_tokens
from providers.tokens import estimate_tokens
from providers.types import (
    ChatRequest,
    Message,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)

Row = Mapping[str, Any]

MINIMUM_BUDGET_TOKENS = 1024
# Room for what an estimate gets wrong.
WINDOW_SHARE = 0.95
# Of the budget; the chat itself comes first.
MEMORY_SHARE = 0.25
MEMORY_HEADING = (
    "What the user asked to have remembered in earlier chats. Use it where it helps, "
    "and do not mention this list unless asked."
)


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
    summary_tokens: int = 0


def with_memories(system: str, rows: Sequence[Row], *, budget: int) -> str:
    """Instructions that end with what is remembered, oldest first.

    ``rows`` come latest first, as ``MemoryQuerySet.rows()`` yields them. Where they would take more
    than their share of ``budget`` tokens, the oldest are left out. They stand at the end: what
    comes before stays equal from turn to turn, and providers cache it.
    """
    lines: list[str] = []
    room = int(budget * MEMORY_SHARE) - estimate_tokens(MEMORY_HEADING)
    for row in rows:
        line = f"- [{row['updated_at']:%Y-%m-%d}] {row['value']}"
        room -= estimate_tokens(line) + 1
        if room < 0:
            break
        lines.append(line)
    if not lines:
        return system
    block = "\n".join([MEMORY_HEADING, *reversed(lines)])
    return f"{system}\n\n{block}" if system else block


def history(
    branch: Sequence[Row],
    retained: Sequence[JSONDict] = (),
    attached: Mapping[str, Attached] | None = None,
) -> list[Message]:
    """The messages of a branch, oldest first; ``retained`` begins the answer to come."""
    told = [message for _, message in told_rows(branch, attached)]
    return [*told, *_answer_messages(list(retained))]


def told_rows(
    branch: Sequence[Row], attached: Mapping[str, Attached] | None = None
) -> list[tuple[str, Message]]:
    """The messages of a branch, each with the id of the row it comes from.

    ``attached``: message id → what its files became. Rows that are errors as a whole are left out:
    they were never said by anyone.
    """
    return [
        (row["message_id"], message)
        for row in branch
        if not row["error"]
        for message in _row_messages(row, attached or {})
    ]


def _row_messages(row: Row, attached: Mapping[str, Attached]) -> list[Message]:
    if row["is_created_by_user"]:
        files = attached.get(row.get("message_id", ""), Attached())
        return [Message("user", (TextPart(files.above(_quoted(row))), *files.media))]
    content = row["content"]
    if content is None:
        content = [{"type": "text", "text": row["text"]}]
    return _answer_messages(primary_parts(content) if is_parallel(content) else content)


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
        if text := said_text(part):
            if results:
                messages += _exchange(said, results)
                said, results = [], []
            said.append(TextPart(text))
        elif part.get("type") == "tool_call" and isinstance(part.get("tool_call"), dict):
            call = part["tool_call"]
            call_id, name = str(call.get("id", "")), str(call.get("name", ""))
            arguments = call.get("args") or "{}"
            arguments = arguments if isinstance(arguments, str) else json.dumps(arguments).decode()
            said.append(ToolCallPart(call_id, name, arguments))
            results.append(ToolResultPart(call_id, name, str(call.get("output") or "")))
    return [*messages, *_exchange(said, results)]


def said_text(part: JSONDict) -> str:
    """Of a text part that is no notice; imported ones may carry it with annotations."""
    is_said = part.get("type") == "text" and not part.get("notice")
    text = part.get("text") if is_said else None
    found = text.get("value") if isinstance(text, dict) else text
    return found if isinstance(found, str) else ""


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


def fit(
    request: ChatRequest, *, window: int, budget: int, summary: str = ""
) -> tuple[ChatRequest, Measure]:
    """Drop the oldest messages until the request fits; instructions and the newest stay.

    ``summary`` is of what came before, and stays, too. Raises InputTooLong when even those do not
    fit.
    """
    instructions, summary_tokens = estimate_tokens(request.system), estimate_tokens(summary)
    sizes = [message_tokens(message) for message in request.messages]
    newest = _newest_question(request.messages)
    needed = instructions + summary_tokens + sum(sizes[newest:])
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
        summary_tokens=summary_tokens,
    )
    return replace(request, messages=request.messages[first:]), measure


def needed_tokens(request: ChatRequest) -> int:
    """The least a request comes down to: its instructions and the newest question."""
    newest = _newest_question(request.messages)
    kept = sum(message_tokens(message) for message in request.messages[newest:])
    return estimate_tokens(request.system) + kept


def _newest_question(messages: Sequence[Message]) -> int:
    indices = [index for index, message in enumerate(messages) if message.role == "user"]
    return indices[-1] if indices else 0


def _first_that_fits(sizes: Sequence[int], newest: int, room: int) -> int:
    first = newest
    while first > 0 and sizes[first - 1] <= room:
        first -= 1
        room -= sizes[first]
    return first
