"""Golden transcripts: what goes over the wire in a turn that is new.

``UPDATE_FRAMES=1`` writes the files in tests/frames anew.
"""

from typing import Any

import pytest

from providers.errors import ErrorKind, ProviderError
from providers.types import FinishReason, ReasoningDelta, TextDelta, ToolCallDelta
from tests.conversations.chat.scripted import MINI, Exchange, ScriptedAdapter
from tests.conversations.chat.transcript import Compare, Transcript, title_arrives

pytestmark = pytest.mark.django_db(transaction=True)


async def _one_by_one(model: ScriptedAdapter, stream: Exchange, *batches: list[Any]) -> None:
    """Each batch is read before the next is said: what is merged does not depend on speed."""
    for batch in batches:
        model.say(*batch)
        await stream.frames(1)


async def test_transcript_of_plain(
    transcript: Transcript, model: ScriptedAdapter, golden: Compare
) -> None:
    stream = transcript.stream(await transcript.start())
    await title_arrives(model, stream)
    model.say(TextDelta("At"))
    await stream.frames(2)
    await _one_by_one(model, stream, [TextDelta(" noon"), TextDelta(" — precisely")])
    model.finish()
    await transcript.show(stream)
    golden()


async def test_transcript_of_reasoning(
    transcript: Transcript, model: ScriptedAdapter, golden: Compare
) -> None:
    stream = transcript.stream(await transcript.start())
    await title_arrives(model, stream)
    model.say(ReasoningDelta("The moon"))
    await stream.frames(2)
    model.say(ReasoningDelta(" pulls."), TextDelta("At noon."))
    await stream.frames(3)
    model.finish()
    await transcript.show(stream)
    golden()


async def test_transcript_of_tool_call(
    transcript: Transcript, model: ScriptedAdapter, golden: Compare
) -> None:
    stream = transcript.stream(await transcript.start())
    await title_arrives(model, stream)
    model.say(TextDelta("Let me look."), ToolCallDelta(0, "call_1", "tides"))
    await stream.frames(3)
    await _one_by_one(
        model,
        stream,
        [ToolCallDelta(0, arguments='{"city"')],
        [ToolCallDelta(0, arguments=':"Brest"}')],
    )
    model.finish(FinishReason.TOOL_CALLS)
    await transcript.show(stream)
    golden()


async def test_transcript_of_refusal(
    transcript: Transcript, model: ScriptedAdapter, golden: Compare
) -> None:
    stream = transcript.stream(await transcript.start())
    await title_arrives(model, stream)
    model.finish(FinishReason.REFUSAL)
    await transcript.show(stream)
    golden()


async def test_transcript_of_length(
    transcript: Transcript, model: ScriptedAdapter, golden: Compare
) -> None:
    stream = transcript.stream(await transcript.start())
    await title_arrives(model, stream)
    model.say(TextDelta("At no"))
    await stream.frames(2)
    model.finish(FinishReason.LENGTH)
    await transcript.show(stream)
    golden()


async def test_transcript_of_error_before_output(
    transcript: Transcript, model: ScriptedAdapter, golden: Compare
) -> None:
    stream = transcript.stream(await transcript.start())
    await title_arrives(model, stream)
    model.fail(ProviderError(ErrorKind.CONTENT_FILTER, "The provider's filter said no.", 400))
    await transcript.show(stream)
    golden()


async def test_transcript_of_error_after_output(
    transcript: Transcript, model: ScriptedAdapter, golden: Compare
) -> None:
    stream = transcript.stream(await transcript.start())
    await title_arrives(model, stream)
    model.say(TextDelta("At no"))
    await stream.frames(2)
    model.fail(ProviderError(ErrorKind.CONNECTION, "The connection to the provider failed."))
    await transcript.show(stream)
    golden()


async def test_transcript_of_abort(
    transcript: Transcript, model: ScriptedAdapter, golden: Compare
) -> None:
    started = await transcript.start()
    stream = transcript.stream(started)
    await title_arrives(model, stream)
    model.say(TextDelta("At no"))
    await stream.frames(2)
    await transcript.post("/api/agents/chat/abort", _abort_body(started))
    await transcript.show(stream)
    await transcript.get("/api/agents/chat/active")
    golden()


async def test_transcript_of_abort_before_output(
    transcript: Transcript, model: ScriptedAdapter, golden: Compare
) -> None:
    started = await transcript.start()
    stream = transcript.stream(started)
    await title_arrives(model, stream)
    await transcript.post("/api/agents/chat/abort", _abort_body(started))
    await transcript.show(stream)
    golden()


def _abort_body(started: dict[str, Any]) -> dict[str, Any]:
    return {
        "conversationId": started["conversationId"],
        "generationCreatedAt": started["generationCreatedAt"],
        "generationProtocolVersion": 2,
    }


async def test_transcript_of_title(
    transcript: Transcript, model: ScriptedAdapter, golden: Compare
) -> None:
    started = await transcript.start()
    stream = transcript.stream(started)
    await title_arrives(model, stream, '<think>Short.</think>\n"Tide\nTables"')
    await transcript.get(f"/api/convos/gen_title/{started['conversationId']}")
    model.answer("At noon.")
    await stream.rest()
    golden()


async def test_transcript_of_parallel(
    transcript: Transcript, model: ScriptedAdapter, golden: Compare
) -> None:
    started = await transcript.start(addedConvo={"endpoint": "openAI", "model": MINI})
    stream = transcript.stream(started)
    await title_arrives(model, stream)
    model.say(ReasoningDelta("The moon."))
    await stream.frames(2)
    model.say(TextDelta("At"), by=MINI)
    await stream.frames(2)
    model.say(TextDelta("At noon."))
    await stream.frames(2)
    model.say(TextDelta(" midnight."), by=MINI)
    await stream.frames(1)
    model.finish()
    await stream.frames(1)
    model.finish(by=MINI)
    await transcript.show(stream)
    golden()


async def test_transcript_of_temporary_chat(
    transcript: Transcript, model: ScriptedAdapter, golden: Compare
) -> None:
    started = await transcript.start(isTemporary=True)
    stream = transcript.stream(started)
    await stream.frames(2)
    model.answer("At noon.")
    await transcript.show(stream)
    await transcript.get(f"/api/convos/gen_title/{started['conversationId']}")
    golden()
