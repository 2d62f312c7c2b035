"""A model that listens for what a person wants remembered or forgotten, beside the answer.

Off unless MEMORY_ENDPOINT and MEMORY_MODEL are set. It is asked once for each new message, of
people who have memories on and whose role may change them, never in temporary chats. It has a task
of its own, so nothing that goes wrong here harms the answer.
"""

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial

import structlog
from django.conf import settings

from accounts.models import User
from accounts.permissions import Bit
from conversations.chat.accounting import new_trace, record_memory, show_beside
from conversations.chat.beside import after_answer
from conversations.chat.context import history
from conversations.chat.events import Attached
from conversations.models import Memory
from conversations.remembered import uses_memories
from conversations.services import memories
from conversations.services.turns import Turn, history_rows
from conversations.tree import branch_to
from librechat_backend.lib import json
from librechat_backend.lib.aio import in_database, spawn
from librechat_backend.lib.errors import AppError
from librechat_backend.lib.json import JSONDict
from providers import client
from providers.errors import ProviderError
from providers.trace import CallTrace
from providers.types import ChatRequest, Message, TextPart, ToolCallDelta, ToolSpec

TIMEOUT_SECONDS = 45
# How long an answer that is ready waits to show what was remembered; later it is kept, not shown.
PATIENCE_SECONDS = 3
MESSAGES_HEARD = 5
CHARACTERS_HEARD = 24_000
CHANGES_MAX = 10
SET, DELETE = "set_memory", "delete_memory"

INSTRUCTIONS = (
    "You keep the notes of what a person wants remembered from one chat to the next. Below is the "
    "end of a chat. Only when its last message of the person asks outright to remember something, "
    f"to correct it or to forget it, call {SET} or {DELETE}. To correct a note, set its key again. "
    "What is merely mentioned is not noted, and no other wish concerns you. When there is nothing "
    "to do, call no tool and answer with the word “nothing”."
)

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Call:
    """One call of a tool as it arrives."""

    name: str = ""
    arguments: str = ""


class Listener:
    """One message being listened to. ``changes`` are there when the task is done."""

    def __init__(self, turn: Turn) -> None:
        self.changes: list[Attached] = []
        self._turn = turn
        self._is_put_off = asyncio.Event()
        self._task = spawn(self._listen(), name=f"memory {turn.generation.id}")

    async def wait(self) -> list[Attached]:
        """What was changed, if that is known soon."""
        put_off = asyncio.create_task(self._is_put_off.wait())
        ends = {self._task, put_off}
        await asyncio.wait(ends, timeout=PATIENCE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        put_off.cancel()
        return self.changes

    async def _listen(self) -> None:
        turn = self._turn
        try:
            request = await in_database(build_request, turn)
            if request is None:
                return
            ask = partial(_ask_paid, turn, request)
            calls = await after_answer(turn, ask, is_put_off=self._is_put_off)
            self.changes = await in_database(_apply, turn.user, calls)
        except (ProviderError, TimeoutError) as error:
            log.info("memory_failed", reason=type(error).__name__)


def listen(turn: Turn) -> Listener | None:
    """To the newest message; None where nobody does."""
    is_configured = settings.MEMORY_ENDPOINT and settings.MEMORY_MODEL
    is_new = turn.request.answered_message_id is None
    if not is_configured or not is_new or turn.conversation.is_temporary:
        return None
    return Listener(turn)


def build_request(turn: Turn) -> ChatRequest | None:
    """What the model is asked; None for people it does not listen to."""
    if not uses_memories(turn.user, Bit.CREATE, Bit.UPDATE):
        return None
    rows = history_rows(user=turn.user, conversation=turn.conversation)
    branch = branch_to({row["message_id"]: row for row in rows}, turn.generation.user_message_id)
    heard = "\n\n".join(map(_spoken, history(branch[-MESSAGES_HEARD:])))[-CHARACTERS_HEARD:]
    return ChatRequest(
        model=settings.MEMORY_MODEL,
        messages=(Message("user", (TextPart(f"# The chat\n\n{heard}"),)),),
        system=f"{INSTRUCTIONS}\n\n# The notes so far\n\n{_notes(turn.user)}",
        tools=_tools(),
        user_id=turn.user.id,
        purpose="memory",
    )


def _spoken(message: Message) -> str:
    texts = (part.text for part in message.parts if isinstance(part, TextPart))
    return f"{message.role}: {' '.join(texts)}"


def _notes(user: User) -> str:
    rows = reversed(Memory.objects.owned_by(user).in_pool().rows())
    lines = [f"- {row['key']}: {row['value']} ({row['token_count']} tokens)" for row in rows]
    if settings.MEMORY_TOKEN_LIMIT:
        lines.append(f"Together at most {settings.MEMORY_TOKEN_LIMIT} tokens.")
    return "\n".join(lines) or "None."


def _tools() -> tuple[ToolSpec, ...]:
    key: JSONDict = {"type": "string", "description": "Lowercase letters and underscores."}
    if settings.MEMORY_KEYS:
        key["enum"] = list(settings.MEMORY_KEYS)
    value = {"type": "string", "description": "A whole sentence that can stand alone."}
    both = {"type": "object", "properties": {"key": key, "value": value}}
    one = {"type": "object", "properties": {"key": key}}
    return (
        ToolSpec(SET, "Note something about the person.", both | {"required": ["key", "value"]}),
        ToolSpec(DELETE, "Forget a note.", one | {"required": ["key"]}),
    )


async def _ask_paid(turn: Turn, request: ChatRequest) -> list[Call]:
    trace = new_trace(turn, turn.resolved)
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            return await _ask(request, trace)
    finally:
        endpoint, model = settings.MEMORY_ENDPOINT, settings.MEMORY_MODEL
        show_beside(turn, record_memory(turn, trace, endpoint=endpoint, model=model))


async def _ask(request: ChatRequest, trace: CallTrace) -> list[Call]:
    calls: dict[int, Call] = {}
    events = client.stream(request, endpoint=settings.MEMORY_ENDPOINT, trace=trace)
    async with aclosing(events) as stream:
        async for batch in stream:
            for event in batch:
                if isinstance(event, ToolCallDelta):
                    call = calls.setdefault(event.index, Call())
                    call.name = call.name or event.name
                    call.arguments += event.arguments
    return list(calls.values())[:CHANGES_MAX]


def _apply(user: User, calls: list[Call]) -> list[Attached]:
    changes = (_change(user, call) for call in calls)
    return [Attached({"type": "memory", "memory": change}) for change in changes if change]


def _change(user: User, call: Call) -> JSONDict | None:
    """What a call changed, or why it could not, as the client shows it; None for no call."""
    try:
        arguments = json.loads(call.arguments or "{}")
    except json.DecodeError:
        return None
    key = arguments.get("key") if isinstance(arguments, dict) else None
    if not isinstance(key, str) or (settings.MEMORY_KEYS and key not in settings.MEMORY_KEYS):
        return None
    try:
        if call.name == DELETE:
            own = Memory.objects.owned_by(user).in_pool()
            memories.delete_memory(memories=own.filter(key=key))
            return {"key": key, "type": "delete"}
        value = arguments.get("value")
        if call.name != SET or not isinstance(value, str) or not value.strip():
            return None
        tokens = memories.set_memory(user=user, key=key, value=value.strip())
        return {"key": key, "value": value.strip(), "tokenCount": tokens, "type": "update"}
    except memories.MemoryFull as full:
        return _no_room(full)
    except AppError as refusal:
        log.info("memory_refused", reason=str(refusal))
        return None


def _no_room(full: memories.MemoryFull) -> JSONDict:
    """The client reads the figures from a text."""
    is_full = full.used >= full.limit
    problem = {
        "errorType": "already_exceeded" if is_full else "would_exceed",
        "tokenCount": full.used - full.limit + (0 if is_full else full.added),
        "totalTokens": full.used if is_full else full.used + full.added,
        "tokenLimit": full.limit,
    }
    text = json.dumps(problem).decode()
    return {"key": "system", "type": "error", "value": text, "tokenCount": full.used}
