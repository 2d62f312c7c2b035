"""Golden transcripts: turns made anew, edited, continued, and streams that are resumed.

``UPDATE_FRAMES=1`` writes the files in tests/frames anew.
"""

from typing import Any

import pytest

from providers.types import FinishReason, ReasoningDelta, TextDelta, ToolCallDelta
from tests.conversations.chat.scripted import MINI, ScriptedAdapter
from tests.conversations.chat.transcript import Compare, Transcript, title_arrives

pytestmark = pytest.mark.django_db(transaction=True)


async def _first_turn(
    transcript: Transcript, model: ScriptedAdapter, text: str = "At noon."
) -> dict[str, Any]:
    """A turn that is over before the transcript begins; its final frame."""
    model.give_title("Tide Tables")
    model.answer(text)
    return await _ended(transcript)


async def _ended(transcript: Transcript) -> dict[str, Any]:
    """The final frame of a turn whose title has come, too."""
    started = await transcript.client.start()
    final = await transcript.client.final(started)
    await transcript.client.get(f"/api/convos/gen_title/{started['conversationId']}")
    return final


async def _again(
    transcript: Transcript, model: ScriptedAdapter, text: str, question: Any, **fields: Any
) -> None:
    """The same question's stream once more, answered with ``text``."""
    started = await transcript.start(
        isRegenerate=True,
        conversationId=question["conversationId"],
        overrideParentMessageId=question["messageId"],
        **fields,
    )
    stream = transcript.stream(started)
    await stream.frames(2)
    model.answer(text)
    await transcript.show(stream)


async def test_transcript_of_regenerate(
    transcript: Transcript, model: ScriptedAdapter, golden: Compare
) -> None:
    first = await _first_turn(transcript, model)
    answer_id = first["responseMessage"]["messageId"] + "_"
    question = first["requestMessage"]
    await _again(transcript, model, "At midnight.", question, responseMessageId=answer_id)
    golden()


async def test_transcript_of_edit_and_continue(
    transcript: Transcript, model: ScriptedAdapter, golden: Compare
) -> None:
    first = await _first_turn(transcript, model)
    await _again(
        transcript, model, "at midnight.", first["requestMessage"],
        responseMessageId=first["responseMessage"]["messageId"],
        editedContent={"index": 0, "type": "text", "text": "I say: "},
    )  # fmt: skip
    golden()


async def test_transcript_of_continue(
    transcript: Transcript, model: ScriptedAdapter, golden: Compare
) -> None:
    model.give_title("Tide Tables")
    model.say(TextDelta("At no"))
    model.finish(FinishReason.LENGTH)
    first = await _ended(transcript)
    question = first["requestMessage"]
    await _again(
        transcript, model, "on.", question,
        isContinued=True,
        messageId=question["messageId"],
        responseMessageId=first["responseMessage"]["messageId"] + "_",
    )  # fmt: skip
    golden()


async def test_transcript_of_resume(
    transcript: Transcript, model: ScriptedAdapter, golden: Compare
) -> None:
    started = await transcript.start(quotes=["the sea"])
    first = transcript.stream(started)
    await title_arrives(model, first)
    model.say(ReasoningDelta("The moon."), TextDelta("At"), ToolCallDelta(0, "call_1", "tides"))
    await first.frames(5)
    await first.leave()
    await transcript.get(f"/api/agents/chat/status/{started['conversationId']}")
    second = transcript.stream(started, "resume=true&")
    await second.frames(1)
    model.say(ToolCallDelta(0, arguments="{}"))
    await second.frames(1)
    model.answer("noon.")
    await transcript.show(second, "?resume=true")
    golden()


async def test_transcript_of_resume_when_it_is_over(
    transcript: Transcript, model: ScriptedAdapter, golden: Compare
) -> None:
    started = await transcript.start()
    stream = transcript.stream(started)
    await title_arrives(model, stream)
    model.answer("At noon.")
    await stream.rest()
    await transcript.show(transcript.stream(started, "resume=true&"), "?resume=true")
    await transcript.get(f"/api/agents/chat/status/{started['conversationId']}")
    golden()


async def test_transcript_of_resume_of_parallel(
    transcript: Transcript, model: ScriptedAdapter, golden: Compare
) -> None:
    added = {"endpoint": "openAI", "model": MINI, "modelLabel": "Mini: fast"}
    started = await transcript.client.start(addedConvo=added, modelLabel="Big")
    stream = transcript.client.stream(started)
    await title_arrives(model, stream)
    model.say(TextDelta("At noon."))
    await stream.frames(2)
    model.say(TextDelta("At"), by=MINI)
    await stream.frames(2)
    resumed = transcript.stream(started, "resume=true&")
    await resumed.frames(1)
    model.answer(" midnight.", by=MINI)
    await resumed.frames(2)
    model.finish()
    await transcript.show(resumed)
    golden()
