"""A model that listens for what people want remembered (contract 02 §4.5, 03 §12)."""

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from accounts.models import Role, User
from conversations.chat import memory_agent
from conversations.models import Memory, Message
from librechat_backend.lib.aio import in_database
from providers.base import Connection
from providers.errors import ErrorKind, ProviderError
from providers.types import ChatRequest, StreamEvent, TextDelta, ToolCallDelta
from tests.conversations.chat.scripted import ChatClient, ScriptedAdapter
from tests.conversations.factories import make_memory

pytestmark = pytest.mark.django_db(transaction=True)

Calls = list[tuple[str, Any]]


class ListeningAdapter(ScriptedAdapter):
    """Calls ``calls`` whenever it is asked what to remember."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[ChatRequest] = []
        self.calls: Calls = []
        self.error: Exception | None = None
        self.may_speak = asyncio.Event()
        self.may_speak.set()

    async def stream(
        self, request: ChatRequest, connection: Connection
    ) -> AsyncGenerator[list[StreamEvent], None]:
        if request.purpose != "memory":
            async for batch in super().stream(request, connection):
                yield batch
            return
        self.heard.append(request)
        await self.may_speak.wait()
        if self.error:
            raise self.error
        yield [TextDelta("nothing")]
        for index, (name, arguments) in enumerate(self.calls):
            text = arguments if isinstance(arguments, str) else json.dumps(arguments)
            yield [ToolCallDelta(index, f"call_{index}", name)]
            yield [ToolCallDelta(index, arguments=part) for part in (text[:3], text[3:])]


@pytest.fixture
def listener(
    model: ScriptedAdapter, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> ListeningAdapter:
    settings.MEMORY_ENDPOINT, settings.MEMORY_MODEL = "openAI", "gpt-4.1-mini"
    adapter = ListeningAdapter()
    monkeypatch.setattr("providers.client.load_adapter", lambda kind: adapter)
    return adapter


async def turn(user: User, model: ScriptedAdapter, **fields: Any) -> list[tuple[str, Any]]:
    client = ChatClient(user)
    started = await client.start(**{"text": "Remember that I sail.", **fields})
    model.answer("Aye.")
    return await client.stream(started).rest()


def attachments(frames: list[tuple[str, Any]]) -> list[Any]:
    return [frame["data"] for _, frame in frames if frame.get("event") == "attachment"]


async def stored() -> list[tuple[str, str]]:
    return await in_database(lambda: sorted(Memory.objects.values_list("key", "value")))


async def test_what_is_to_be_remembered_is_kept_and_shown(
    alice: User, listener: ListeningAdapter
) -> None:
    await in_database(make_memory, alice, "old")
    listener.calls = [
        ("set_memory", {"key": "hobby", "value": " The person sails. "}),
        ("delete_memory", {"key": "old"}),
    ]
    frames = await turn(alice, listener)
    assert await stored() == [("hobby", "The person sails.")]
    final = frames[-1][1]
    ids = {
        "messageId": final["responseMessage"]["messageId"],
        "conversationId": final["conversation"]["conversationId"],
        "type": "memory",
    }
    memory = {"key": "hobby", "value": "The person sails.", "tokenCount": 5, "type": "update"}
    expected = [ids | {"memory": memory}, ids | {"memory": {"key": "old", "type": "delete"}}]
    assert attachments(frames) == expected
    assert final["responseMessage"]["attachments"] == expected
    assert final["responseMessage"]["content"] == [{"type": "text", "text": "Aye."}]
    [request] = listener.heard
    assert request.model == "gpt-4.1-mini"
    assert "- old: Brest is my favourite port. (8 tokens)" in request.system
    assert request.messages[0].parts[0].text.endswith("user: Remember that I sail.")  # type: ignore[union-attr]
    assert [tool.name for tool in request.tools] == ["set_memory", "delete_memory"]


@pytest.mark.parametrize(
    "calls",
    [
        [],
        [("set_memory", "{")],
        [("set_memory", "[]")],
        [("set_memory", {"key": 7, "value": "x"})],
        [("set_memory", {"key": "a", "value": ["x"]})],
        [("set_memory", {"key": "a", "value": " "})],
        [("set_memory", {"key": "Not A Key", "value": "x"})],
        [("set_memory", {"key": "nothing", "value": "x"})],
        [("set_memory", {"key": "a" * 2000, "value": "x"})],
        [("set_memory", {"key": "a", "value": "x" * 20_000})],
        [("set_memory", '{"key": "a", "value": "\\ud800"}')],
        [("drop_table", {"key": "a", "value": "x"})],
        [("delete_memory", {"key": "missing"})],
        [("delete_memory", {})],
    ],
)
async def test_nonsense_changes_nothing(
    alice: User, listener: ListeningAdapter, calls: Calls
) -> None:
    await in_database(make_memory, alice, "old")
    listener.calls = calls
    frames = await turn(alice, listener)
    assert attachments(frames) == []
    assert frames[-1][1]["responseMessage"]["content"] == [{"type": "text", "text": "Aye."}]
    assert [key for key, _ in await stored()] == ["old"]


async def test_only_some_calls_count(alice: User, listener: ListeningAdapter) -> None:
    listener.calls = [("set_memory", {"key": "a" * (i + 1), "value": "x"}) for i in range(50)]
    await turn(alice, listener)
    assert len(await stored()) == memory_agent.CHANGES_MAX


async def test_only_named_keys_are_used(
    alice: User, listener: ListeningAdapter, settings: Any
) -> None:
    settings.MEMORY_KEYS = ["hobby"]
    listener.calls = [
        ("set_memory", {"key": "hobby", "value": "Sails."}),
        ("set_memory", {"key": "secret", "value": "x"}),
    ]
    await turn(alice, listener)
    assert await stored() == [("hobby", "Sails.")]
    assert listener.heard[0].tools[0].parameters["properties"]["key"]["enum"] == ["hobby"]


@pytest.mark.parametrize(
    ("used", "problem"),
    [
        (
            100,
            {
                "errorType": "already_exceeded",
                "tokenCount": 90,
                "totalTokens": 100,
                "tokenLimit": 10,
            },
        ),
        (
            8,
            {"errorType": "would_exceed", "tokenCount": 3, "totalTokens": 13, "tokenLimit": 10},
        ),
    ],
)
async def test_person_is_told_when_there_is_no_room(
    alice: User, listener: ListeningAdapter, settings: Any, used: int, problem: Any
) -> None:
    settings.MEMORY_TOKEN_LIMIT = 10
    await in_database(lambda: make_memory(alice, "old", token_count=used))
    listener.calls = [("set_memory", {"key": "hobby", "value": "The person sails."})]
    [attachment] = attachments(await turn(alice, listener))
    memory = attachment["memory"]
    assert (memory["type"], memory["key"], memory["tokenCount"]) == ("error", "system", used)
    assert json.loads(memory["value"]) == problem
    assert [key for key, _ in await stored()] == ["old"]


async def test_nobody_listens_unless_a_model_is_named(
    alice: User, listener: ListeningAdapter, settings: Any
) -> None:
    settings.MEMORY_MODEL = ""
    await turn(alice, listener)
    assert listener.heard == []


async def test_nobody_listens_in_temporary_chats(alice: User, listener: ListeningAdapter) -> None:
    await turn(alice, listener, isTemporary=True)
    assert listener.heard == []


async def test_nobody_listens_to_a_message_twice(alice: User, listener: ListeningAdapter) -> None:
    final = (await turn(alice, listener))[-1][1]
    question = final["requestMessage"]["messageId"]
    await turn(
        alice,
        listener,
        isRegenerate=True,
        overrideParentMessageId=question,
        conversationId=final["conversation"]["conversationId"],
    )
    assert len(listener.heard) == 1


@pytest.mark.parametrize("off", ["opt-out", "USE", "CREATE", "UPDATE"])
async def test_nobody_listens_to_people_who_do_not_want_or_may_not(
    alice: User, listener: ListeningAdapter, off: str
) -> None:
    if off == "opt-out":
        alice.personalization = {"memories": False}
        await in_database(alice.save)
    else:
        permissions = {"MEMORIES": {off: False}}
        await in_database(
            lambda: Role.objects.update_or_create(
                name="USER", defaults={"permissions": permissions}
            )
        )
    await turn(alice, listener)
    assert listener.heard == []


@pytest.mark.parametrize(
    "error", [ProviderError(ErrorKind.AUTHENTICATION, "no"), RuntimeError("crash"), TimeoutError()]
)
async def test_answer_is_whole_when_listening_fails(
    alice: User, listener: ListeningAdapter, error: Exception
) -> None:
    listener.error = error
    frames = await turn(alice, listener)
    assert frames[-1][1]["responseMessage"]["content"] == [{"type": "text", "text": "Aye."}]
    assert (await in_database(Message.objects.filter(error=True).count)) == 0


async def test_answer_does_not_wait_for_long(
    alice: User, listener: ListeningAdapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory_agent, "PATIENCE_SECONDS", 0.05)
    listener.may_speak.clear()
    listener.calls = [("set_memory", {"key": "hobby", "value": "Sails."})]
    frames = await turn(alice, listener)
    assert attachments(frames) == []
    listener.may_speak.set()
    async with asyncio.timeout(5):
        while not await stored():
            await asyncio.sleep(0.02)
