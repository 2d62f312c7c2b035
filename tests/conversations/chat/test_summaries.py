"""Chats that outgrow the window: cut, or summarized once and gone on with (contract 02 §9.3)."""

from typing import Any

import pytest
from asgiref.sync import sync_to_async

from accounts.models import User
from conversations.chat import summaries
from conversations.models import Conversation, Message
from conversations.services.copies import duplicate_conversation
from librechat_backend.lib.ids import NO_PARENT, new_uuid
from providers.errors import ErrorKind, ProviderError
from providers.types import ChatRequest, TextDelta, TextPart, Usage
from tests.conversations.chat.scripted import ChatClient, ScriptedAdapter
from tests.conversations.factories import MOMENT, make_answer, make_conversation, make_message
from usage.ledger.spending import close_spender
from usage.models import Balance, BillingRules, Price
from usage.recorder import close_recorder

pytestmark = pytest.mark.django_db(transaction=True)

LONG = "word " * 700  # some 960 tokens
LIMIT = 3000
KEPT = ["1", "Answer 1.", "2", "Answer 2.", "3", "Answer 3.", "And now?"]  # of four turns


@pytest.fixture
def chat(alice: User) -> ChatClient:
    return ChatClient(alice)


@pytest.fixture
def summarizing(settings: Any) -> None:
    settings.SUMMARIZE_HISTORY = True


@sync_to_async
def long_chat(user: User, turns: int = 4) -> Conversation:
    """Each turn takes some 970 tokens, nearly all of them the question."""
    conversation = make_conversation(user, created_at=MOMENT)
    parent = NO_PARENT
    for number in range(turns):
        question = make_message(conversation, parent_message_id=parent, text=f"{number} {LONG}")
        answer = make_answer(
            conversation,
            parent_message_id=question.message_id,
            content=[{"type": "text", "text": f"Answer {number}."}],
        )
        parent = answer.message_id
    return conversation


async def turn(
    chat: ChatClient, model: ScriptedAdapter, conversation: Conversation, **fields: Any
) -> list[dict[str, Any]]:
    """All frames of one more turn at the end of ``conversation``."""
    last = await conversation.messages.order_by("created_at", "id").alast()
    assert last is not None
    started = await chat.start(
        text="And now?",
        conversationId=conversation.conversation_id,
        parentMessageId=last.message_id,
        maxContextTokens=LIMIT,
        **fields,
    )
    model.answer("Well.")
    return [frame for _, frame in await chat.stream(started).rest()]


def named(frames: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [frame["data"] for frame in frames if frame.get("event") == name]


def told(request: ChatRequest) -> list[str]:
    return [
        part.text.partition(" word")[0]
        for message in request.messages
        for part in message.parts
        if isinstance(part, TextPart)
    ]


async def test_oldest_turns_are_left_out_when_nothing_is_summarized(
    alice: User, chat: ChatClient, model: ScriptedAdapter
) -> None:
    conversation = await long_chat(alice)
    frames = await turn(chat, model, conversation)
    (request,) = model.requests
    assert told(request) == KEPT
    assert request.system == ""
    (gauge,) = named(frames, "on_context_usage")
    assert gauge["prePruneContextTokens"] > LIMIT
    assert gauge["breakdown"]["summaryTokens"] == 0
    assert frames[-1]["responseMessage"]["content"] == [{"type": "text", "text": "Well."}]


async def test_what_falls_out_is_summarized_once_and_used_again(
    alice: User, chat: ChatClient, model: ScriptedAdapter, summarizing: None
) -> None:
    conversation = await long_chat(alice)
    boundary = await conversation.messages.aget(content=[{"type": "text", "text": "Answer 2."}])
    model.summarize("They said words.", Usage(2000, 7))
    frames = await turn(chat, model, conversation)
    asked, request = model.summaries[0], model.requests[0]
    transcript = told(asked)[0]
    assert transcript.startswith("User: 0")
    assert [message.role for message in asked.messages] == ["user"]
    assert told(request) == ["3", "Answer 3.", "And now?"]
    assert request.system == f"{summaries.HEADING}\nThey said words."
    part = {
        "type": "summary",
        "content": [{"type": "text", "text": "They said words."}],
        "tokenCount": 5,
        "summarizing": False,
        "provider": "openAI",
        "model": "gpt-4.1",
        "boundary": {"messageId": boundary.message_id, "contentIndex": 0},
    }
    response = frames[-1]["responseMessage"]
    assert response["content"] == [part, {"type": "text", "text": "Well."}]
    assert response["metadata"]["summaryUsedTokens"] > 900
    assert named(frames, "on_summarize_start")[0]["messagesToRefineCount"] == 6
    step = named(frames, "on_run_step")[0]
    assert (step["index"], step["summary"]["type"]) == (0, "summary")
    assert named(frames, "on_summarize_complete") == [
        {"id": step["id"], "agentId": "", "summary": part}
    ]
    assert [usage.get("usage_type") for usage in named(frames, "on_token_usage")] == [
        "summarization", None,
    ]  # fmt: skip
    (gauge,) = named(frames, "on_context_usage")
    assert gauge["breakdown"]["summaryTokens"] == 5

    frames = await turn(chat, model, conversation)
    assert len(model.summaries) == 1
    assert told(model.requests[1]) == ["3", "Answer 3.", "And now?", "Well.", "And now?"]
    assert model.requests[1].system == f"{summaries.HEADING}\nThey said words."
    assert frames[-1]["responseMessage"]["content"] == [{"type": "text", "text": "Well."}]


async def test_later_summary_is_made_of_the_earlier_one(
    alice: User, chat: ChatClient, model: ScriptedAdapter, summarizing: None
) -> None:
    conversation = await long_chat(alice)
    model.summarize("They said words.")
    await turn(chat, model, conversation)
    for number in range(3):
        last = await conversation.messages.order_by("created_at", "id").alast()
        assert last is not None
        model.summarize(f"More words {number}.")
        started = await chat.start(
            text=f"{number} {LONG}",
            conversationId=conversation.conversation_id,
            parentMessageId=last.message_id,
            maxContextTokens=LIMIT,
        )
        model.answer("Yes.")
        await chat.final(started)
    (message,) = model.summaries[1].messages
    (transcript,) = message.parts
    assert isinstance(transcript, TextPart)
    before = "Summary of what came before: They said words.\n\nUser: 3 word"
    assert transcript.text.startswith(before)
    assert model.requests[-1].system.endswith("More words 0.")


async def test_oldest_turns_are_left_out_when_the_summary_fails(
    alice: User, chat: ChatClient, model: ScriptedAdapter, summarizing: None
) -> None:
    conversation = await long_chat(alice)
    model.summarize(ProviderError(ErrorKind.CONTENT_FILTER, "No.", 400))
    frames = await turn(chat, model, conversation)
    assert told(model.requests[0]) == KEPT
    assert frames[-1]["responseMessage"]["content"] == [{"type": "text", "text": "Well."}]
    assert named(frames, "on_summarize_complete") == []


async def test_last_credits_are_for_the_answer_and_not_for_a_summary(
    alice: User, chat: ChatClient, model: ScriptedAdapter, summarizing: None
) -> None:
    """The answer, which reads some 3,000 tokens, needs more than half of what is left."""

    def begin() -> None:
        Price.objects.create(
            model="gpt-4.1", valid_from=MOMENT, input_credits=1_000_000, output_credits=1_000_000
        )
        BillingRules.objects.create(has_balances=True, start_credits=5_000)

    await sync_to_async(begin)()
    conversation = await long_chat(alice)
    model.summarize("They said words.", Usage(4000, 7))
    frames = await turn(chat, model, conversation)
    assert frames[-1]["responseMessage"]["content"] == [{"type": "text", "text": "Well."}]
    assert model.summaries == []
    assert told(model.requests[0]) == KEPT
    await close_recorder()
    await close_spender()
    assert (await Balance.objects.aget()).credits == 5_000 - 29


async def test_nothing_is_summarized_when_all_fits(
    alice: User, chat: ChatClient, model: ScriptedAdapter, summarizing: None
) -> None:
    conversation = await long_chat(alice, turns=2)
    await turn(chat, model, conversation)
    assert (model.summaries, len(model.requests[0].messages)) == ([], 5)


async def test_stop_while_summarizing_ends_the_turn(
    alice: User, chat: ChatClient, model: ScriptedAdapter, summarizing: None
) -> None:
    conversation = await long_chat(alice)
    last = await conversation.messages.order_by("created_at", "id").alast()
    assert last is not None
    started = await chat.start(
        text="And now?",
        conversationId=conversation.conversation_id,
        parentMessageId=last.message_id,
        maxContextTokens=LIMIT,
    )
    stream = chat.stream(started)
    await stream.frames(2)  # created, the beginning of the summary
    await chat.post("/api/agents/chat/abort", {"conversationId": started["conversationId"]})
    *_, (_, final) = await stream.rest()
    assert (final["aborted"], model.requests) == (True, [])


async def test_summary_is_used_in_a_copy_of_the_chat(
    alice: User, chat: ChatClient, model: ScriptedAdapter, summarizing: None
) -> None:
    conversation = await long_chat(alice)
    model.summarize("They said words.")
    await turn(chat, model, conversation)
    copy_id = await sync_to_async(duplicate_conversation)(
        user=alice, conversation_id=conversation.conversation_id
    )
    copy = await Conversation.objects.aget(conversation_id=copy_id)
    await turn(chat, model, copy)
    assert len(model.summaries) == 1
    assert model.requests[-1].system == f"{summaries.HEADING}\nThey said words."


@pytest.mark.parametrize(
    "part",
    [
        {"type": "summary"},
        {"type": "summary", "content": "x", "boundary": {"messageId": "a"}},
        {"type": "summary", "content": [{"text": 1}], "boundary": {"messageId": "a"}},
        {"type": "summary", "content": [{"text": "x"}]},
        {"type": "summary", "content": [{"text": "x"}], "boundary": []},
        {"type": "summary", "content": [{"text": "x"}], "boundary": {"messageId": "gone"}},
    ],
)
def test_summary_is_ignored_when_nobody_knows_what_it_covers(part: Any) -> None:
    branch: list[dict[str, Any]] = [
        {"message_id": "a", "content": None},
        {"message_id": "b", "content": [part]},
    ]
    assert summaries.latest_summary(branch) == (None, branch)


async def test_gauge_is_kept_with_the_answer(chat: ChatClient, model: ScriptedAdapter) -> None:
    model.give_title("Tides")
    started = await chat.start(clientRequestId=new_uuid())
    stream = chat.stream(started)
    model.say(TextDelta("At noon."))
    model.finish()
    frames = [frame for _, frame in await stream.rest()]
    (gauge,) = named(frames, "on_context_usage")
    del gauge["runId"]
    answer = await Message.objects.aget(is_created_by_user=False)
    kept = answer.metadata["contextUsage"]
    # The provider counted 20 tokens where 9 were estimated.
    assert gauge["breakdown"]["messageTokens"] == 9
    assert kept["breakdown"] == {**gauge["breakdown"], "messageTokens": 20}
    assert kept["contextBudget"] - kept["remainingContextTokens"] == 20
    assert kept["completedOutputTokens"] == 9
