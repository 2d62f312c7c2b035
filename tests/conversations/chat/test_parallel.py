"""Two models side by side in one answer (contract 02 §10.6)."""

from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import Client

from accounts.models import Role, User
from conversations.chat.runtime import get_jobs
from conversations.models import Conversation, Generation, Message
from conversations.services.messages import copy_agent_answer
from librechat_backend.lib.ids import NO_PARENT
from presets.models import Assignment, Preset
from providers.errors import ErrorKind, ProviderError
from providers.types import FinishReason, TextDelta, TextPart, Usage
from providers.types import Message as Said
from tests.conversations.chat.scripted import MINI, MODEL, ChatClient, ScriptedAdapter

pytestmark = pytest.mark.django_db(transaction=True)

ADDED = {"endpoint": "openAI", "model": MINI}
FIRST, SECOND = f"openAI__{MODEL}", f"openAI__{MINI}____1"
FAILURE = ProviderError(ErrorKind.CONTENT_FILTER, "The filter said no.", 400)


@pytest.fixture
def chat(alice: User) -> ChatClient:
    return ChatClient(alice)


def part(agent: str, text: str) -> dict[str, Any]:
    return {"type": "text", "text": text, "agentId": agent, "groupId": 1}


def problem(agent: str, text: str) -> dict[str, Any]:
    return {"type": "error", "error": text, "agentId": agent, "groupId": 1}


async def both(chat: ChatClient, model: ScriptedAdapter, **fields: Any) -> dict[str, Any]:
    """The final frame of a turn in which the first says “At noon.”, the second “Never.”."""
    model.give_title("Tides")
    started = await chat.start(addedConvo=ADDED, **fields)
    stream = chat.stream(started)
    model.say(TextDelta("At noon."))
    while b"At noon." not in stream.raw:
        await stream.frames(1)
    model.answer("Never.", by=MINI)
    model.finish()
    *_, (_, final) = await stream.rest()
    return final


def asked(model: ScriptedAdapter, name: str) -> list[tuple[str, str]]:
    """Who said what in the last request to the model ``name``."""
    request = next(each for each in reversed(model.requests) if each.model == name)
    return [(message.role, text_of(message)) for message in request.messages]


def text_of(message: Said) -> str:
    return "".join(each.text for each in message.parts if isinstance(each, TextPart))


async def test_answer_holds_what_both_said(chat: ChatClient, model: ScriptedAdapter) -> None:
    final = await both(chat, model)
    response = final["responseMessage"]
    assert response["content"] == [part(FIRST, "At noon."), part(SECOND, "Never.")]
    assert response["addedConvo"] is True
    assert (response["model"], response["tokenCount"]) == (MODEL, 18)
    assert response["metadata"]["usage"] == {
        "input": 30, "output": 18, "cacheWrite": 0, "cacheRead": 10,
    }  # fmt: skip
    assert final["conversation"]["model"] == MODEL
    (answer,) = [m async for m in Message.objects.filter(is_created_by_user=False)]
    assert (answer.content, answer.is_parallel) == (response["content"], True)


async def test_both_are_asked_the_same(chat: ChatClient, model: ScriptedAdapter) -> None:
    await both(chat, model)
    question = [("user", "When is high tide?")]
    assert asked(model, MODEL) == asked(model, MINI) == question


async def test_each_column_runs_under_its_own_preset(
    chat: ChatClient, model: ScriptedAdapter
) -> None:
    preset = await Preset.objects.acreate(
        slug="terse", name="Terse: one", endpoint="openAI", model=MINI, system_message="Be brief.",
        parameters={"temperature": 0.1}, locked=["system_message", "temperature"],
    )  # fmt: skip
    await Assignment.objects.acreate(preset=preset)
    model.give_title("Tides")
    added = {**ADDED, "spec": "terse", "temperature": 1.9, "promptPrefix": "Be rude."}
    started = await chat.start(addedConvo=added, temperature=0.7, promptPrefix="Be kind.")
    model.answer("At noon.")
    model.answer("No.", by=MINI)
    final = await chat.final(started)
    requests = {request.model: request for request in model.requests}
    assert requests[MODEL].system == "Be kind."
    assert requests[MODEL].parameters.temperature == 0.7
    assert requests[MINI].system == "Be brief."
    assert requests[MINI].parameters.temperature == 0.1
    agents = {each["agentId"] for each in final["responseMessage"]["content"]}
    assert agents == {FIRST, f"openAI__{MINI}___Terse__ one____1"}


@pytest.mark.parametrize(
    ("added", "status"),
    [
        ({"endpoint": "openAI", "model": "gpt-9"}, 400),
        ({"endpoint": "nowhere", "model": MINI}, 400),
        ("gpt-4.1-mini", 400),
        ({"endpoint": 1}, 400),
        ({**ADDED, "temperature": "hot"}, 400),
    ],
)
async def test_nothing_begins_when_the_second_model_cannot_be_had(
    chat: ChatClient, model: ScriptedAdapter, added: Any, status: int
) -> None:
    answer = await chat.post("/api/agents/chat/openAI", {**body(), "addedConvo": added})
    assert answer.status == status
    assert not await Conversation.objects.aexists()
    assert not model.requests


async def test_nothing_begins_when_the_role_has_no_parallel_answers(
    chat: ChatClient, model: ScriptedAdapter
) -> None:
    def switch_off() -> None:
        role, _ = Role.objects.get_or_create(name="USER")
        role.permissions = {**role.permissions, "MULTI_CONVO": {"USE": False}}
        role.save()

    await sync_to_async(switch_off)()
    answer = await chat.post("/api/agents/chat/openAI", {**body(), "addedConvo": ADDED})
    assert answer.status == 403
    assert not await Conversation.objects.aexists()


def body() -> dict[str, Any]:
    return {"text": "Hi", "endpoint": "openAI", "model": MODEL, "parentMessageId": NO_PARENT}


@pytest.mark.parametrize("failing", [MODEL, MINI])
async def test_one_column_goes_on_when_the_other_fails(
    chat: ChatClient, model: ScriptedAdapter, failing: str
) -> None:
    model.give_title("Tides")
    started = await chat.start(addedConvo=ADDED)
    well = MINI if failing == MODEL else MODEL
    model.fail(FAILURE, by=failing)
    model.answer("At noon.", by=well)
    response = (await chat.final(started))["responseMessage"]
    agents = {MODEL: FIRST, MINI: SECOND}
    assert response["content"] == [
        part(agents[well], "At noon."), problem(agents[failing], "The filter said no."),
    ]  # fmt: skip
    assert (response["error"], response["unfinished"]) == (False, False)
    assert (await Generation.objects.aget()).status == "complete"


async def test_answer_is_an_error_when_both_fail_before_a_word(
    chat: ChatClient, model: ScriptedAdapter
) -> None:
    model.give_title("Tides")
    started = await chat.start(addedConvo=ADDED)
    model.fail(FAILURE)
    model.fail(FAILURE, by=MINI)
    response = (await chat.final(started))["responseMessage"]
    assert (response["error"], response["text"]) == (True, "The filter said no.")
    assert "content" not in response


async def test_column_says_so_when_it_is_empty(chat: ChatClient, model: ScriptedAdapter) -> None:
    model.give_title("Tides")
    started = await chat.start(addedConvo=ADDED)
    model.finish(FinishReason.STOP, Usage(), by=MINI)
    model.answer("At noon.")
    content = (await chat.final(started))["responseMessage"]["content"]
    assert [(each["type"], each["agentId"]) for each in content] == [
        ("text", FIRST), ("error", SECOND),
    ]  # fmt: skip


async def test_stop_keeps_what_both_have_said(chat: ChatClient, model: ScriptedAdapter) -> None:
    model.give_title("Tides")
    started = await chat.start(addedConvo=ADDED)
    stream = chat.stream(started)
    model.say(TextDelta("At no"))
    while b"At no" not in stream.raw:
        await stream.frames(1)
    model.say(TextDelta("Ne"), by=MINI)
    while b"Ne" not in stream.raw.partition(b"At no")[2]:
        await stream.frames(1)
    await chat.post("/api/agents/chat/abort", {"conversationId": started["conversationId"]})
    *_, (_, final) = await stream.rest()
    assert final["responseMessage"]["content"] == [part(FIRST, "At no"), part(SECOND, "Ne")]
    assert final["responseMessage"]["unfinished"] is True


async def test_both_are_kept_when_another_process_takes_over(
    chat: ChatClient, model: ScriptedAdapter
) -> None:
    model.give_title("Tides")
    started = await chat.start(addedConvo=ADDED)
    stream = chat.stream(started)
    model.say(TextDelta("Ne"), by=MINI)
    while b"Ne" not in stream.raw:
        await stream.frames(1)
    jobs = await get_jobs()
    generation = await Generation.objects.select_related("conversation").aget()
    await Generation.objects.aupdate(process="dead")
    generation.process = "dead"
    await jobs.recover(generation)
    (answer,) = [m async for m in Message.objects.filter(is_created_by_user=False)]
    assert answer.content == [part(SECOND, "Ne")]
    assert (answer.is_parallel, answer.unfinished) == (True, True)


async def test_later_turns_go_on_from_the_first_column(
    chat: ChatClient, model: ScriptedAdapter
) -> None:
    response = (await both(chat, model))["responseMessage"]
    following = {
        "conversationId": response["conversationId"], "parentMessageId": response["messageId"],
    }  # fmt: skip
    await both(chat, model, text="And low tide?", **following)
    expected = [
        ("user", "When is high tide?"), ("assistant", "At noon."), ("user", "And low tide?"),
    ]  # fmt: skip
    assert asked(model, MODEL) == asked(model, MINI) == expected


async def test_later_turns_go_on_from_the_column_that_was_kept(
    chat: ChatClient, model: ScriptedAdapter, alice: User
) -> None:
    response = (await both(chat, model))["responseMessage"]
    kept = await sync_to_async(copy_agent_answer)(
        user=alice, message_id=response["messageId"], agent_id=SECOND
    )
    copy = await Message.objects.aget(message_id=kept)
    assert (copy.content, copy.is_parallel) == ([{"type": "text", "text": "Never."}], False)
    started = await chat.start(
        text="Sure?", conversationId=response["conversationId"], parentMessageId=kept
    )
    model.answer("Sure.")
    await chat.final(started)
    assert asked(model, MODEL)[1] == ("assistant", "Never.")


async def test_regenerating_lets_both_answer_again(
    chat: ChatClient, model: ScriptedAdapter
) -> None:
    first = await both(chat, model)
    again = await both(
        chat,
        model,
        isRegenerate=True,
        conversationId=first["requestMessage"]["conversationId"],
        overrideParentMessageId=first["requestMessage"]["messageId"],
    )
    response = again["responseMessage"]
    assert response["parentMessageId"] == first["requestMessage"]["messageId"]
    assert response["content"] == first["responseMessage"]["content"]
    assert response["messageId"] != first["responseMessage"]["messageId"]


@pytest.mark.parametrize(("index", "agent", "writer"), [(0, FIRST, MODEL), (1, SECOND, MINI)])
async def test_edited_column_goes_on_alone(
    chat: ChatClient, model: ScriptedAdapter, index: int, agent: str, writer: str
) -> None:
    first = await both(chat, model)
    started = await chat.start(
        addedConvo=ADDED,
        isRegenerate=True,
        conversationId=first["requestMessage"]["conversationId"],
        overrideParentMessageId=first["requestMessage"]["messageId"],
        responseMessageId=first["responseMessage"]["messageId"],
        editedContent={"index": index, "type": "text", "text": "I say: "},
    )
    model.answer("maybe.", by=writer)
    content = (await chat.final(started))["responseMessage"]["content"]
    assert asked(model, writer)[-1] == ("assistant", "I say: ")
    if index == 1:  # the last part of all, so it is simply longer now
        assert content == [part(FIRST, "At noon."), part(SECOND, "I say: maybe.")]
    else:
        assert content == [
            part(FIRST, "I say: "), part(SECOND, "Never."), part(agent, "maybe."),
        ]  # fmt: skip


def test_marks_of_columns_stay_in_the_list_of_messages(
    alice: User, client_for: Any, db: None
) -> None:
    from tests.conversations.factories import make_answer, make_conversation

    answer = make_answer(
        make_conversation(alice), content=[part(FIRST, "a"), part(SECOND, "b")], is_parallel=True
    )
    client: Client = client_for(alice)
    (wire,) = client.get(f"/api/messages/{answer.conversation.conversation_id}").json()
    assert (wire["content"], wire["addedConvo"]) == (answer.content, True)
