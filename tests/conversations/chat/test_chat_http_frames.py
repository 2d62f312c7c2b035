"""Golden transcripts: what goes over the wire in a turn, but for ids, times and members' order.

``UPDATE_FRAMES=1`` writes the files in tests/frames anew.
"""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from accounts.models import User
from providers.errors import ErrorKind, ProviderError
from providers.types import FinishReason, ReasoningDelta, TextDelta, ToolCallDelta
from tests.conversations.chat.scripted import (
    MINI,
    ChatClient,
    Exchange,
    ScriptedAdapter,
    payload,
)

FRAMES = Path(__file__).resolve().parents[2] / "frames"

pytestmark = pytest.mark.django_db(transaction=True)

_VARIABLE = re.compile(
    r"(?P<uuid>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})|(?P<id>[0-9a-f]{24})"
    r"|(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)|(?P<epoch>\b\d{13}\b)"
)
_FIXED = {"00000000-0000-0000-0000-000000000000", "77aa0000-0000-4000-8000-000000000000"}


class Transcript:
    """``>`` client to server, ``<`` server to client; ids are numbered as they appear."""

    def __init__(self, client: ChatClient) -> None:
        self.client = client
        self._lines: list[str] = []

    async def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        self._lines += [f"> POST {path}", f"> {_ordered(body)}"]
        answer = await self.client.post(path, body)
        self._lines += [f"< {answer.status}", f"< {_ordered(answer.json())}", ""]
        parsed: dict[str, Any] = answer.json()
        return parsed

    async def start(self, **fields: Any) -> dict[str, Any]:
        return await self.post("/api/agents/chat/openAI", payload(**fields))

    async def get(self, path: str) -> None:
        answer = await self.client.get(path)
        self._lines += [f"> GET {path}", f"< {answer.status}", f"< {_ordered(answer.json())}", ""]

    def stream(self, started: dict[str, Any], query: str = "") -> Exchange:
        return self.client.stream(started, query)

    async def show(self, stream: Exchange, title: str = "") -> None:
        """All of a stream, to its end."""
        await stream.rest()
        self._lines.append(f"> GET stream{title}")
        self._lines += [f"< {stream.status}"]
        self._lines += [f"< {_ordered_line(line)}".rstrip() for line in _lines_of(stream)]

    def text(self) -> str:
        seen: dict[str, str] = {}
        counts: dict[str, int] = {}

        def number(match: re.Match[str]) -> str:
            value, kind = match[0], str(match.lastgroup)
            if value in _FIXED:
                return value
            if kind == "time":
                return "<time>"
            if value not in seen:
                counts[kind] = counts.get(kind, 0) + 1
                seen[value] = f"<{kind} {counts[kind]}>"
            return seen[value]

        return _VARIABLE.sub(number, "\n".join(self._lines)).rstrip() + "\n"


def _lines_of(stream: Exchange) -> list[str]:
    return stream.raw.decode().split("\n")


def _ordered_line(line: str) -> str:
    name, _, data = line.partition(": ")
    return f"data: {_ordered(json.loads(data))}" if name == "data" else line


def _ordered(value: Any) -> str:
    """JSON with its members sorted: PostgreSQL returns them in an order of its own."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


@pytest.fixture
def transcript(alice: User, model: ScriptedAdapter) -> Transcript:
    return Transcript(ChatClient(alice))


@pytest.fixture
def golden(transcript: Transcript, request: pytest.FixtureRequest) -> Callable[[], None]:
    """Compare the transcript with the file of the test's name."""
    name = request.node.name.removeprefix("test_transcript_of_")
    path = FRAMES / f"{name}.txt"

    def compare() -> None:
        if os.environ.get("UPDATE_FRAMES"):
            path.write_text(transcript.text(), encoding="utf-8")
        assert transcript.text() == path.read_text(encoding="utf-8")

    return compare


Compare = Callable[[], None]


async def _title(model: ScriptedAdapter, stream: Exchange, title: str = "Tide Tables") -> None:
    """Let the title arrive before the answer, so that its place is always the same."""
    await stream.frames(2)  # created, context
    model.give_title(title)
    assert (await stream.frames(1))[0][1]["event"] == "title"


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


async def _one_by_one(model: ScriptedAdapter, stream: Exchange, *batches: list[Any]) -> None:
    """Each batch is read before the next is said: what is merged does not depend on speed."""
    for batch in batches:
        model.say(*batch)
        await stream.frames(1)


async def test_transcript_of_plain(
    transcript: Transcript, model: ScriptedAdapter, golden: Compare
) -> None:
    stream = transcript.stream(await transcript.start())
    await _title(model, stream)
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
    await _title(model, stream)
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
    await _title(model, stream)
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
    await _title(model, stream)
    model.finish(FinishReason.REFUSAL)
    await transcript.show(stream)
    golden()


async def test_transcript_of_length(
    transcript: Transcript, model: ScriptedAdapter, golden: Compare
) -> None:
    stream = transcript.stream(await transcript.start())
    await _title(model, stream)
    model.say(TextDelta("At no"))
    await stream.frames(2)
    model.finish(FinishReason.LENGTH)
    await transcript.show(stream)
    golden()


async def test_transcript_of_error_before_output(
    transcript: Transcript, model: ScriptedAdapter, golden: Compare
) -> None:
    stream = transcript.stream(await transcript.start())
    await _title(model, stream)
    model.fail(ProviderError(ErrorKind.CONTENT_FILTER, "The provider's filter said no.", 400))
    await transcript.show(stream)
    golden()


async def test_transcript_of_error_after_output(
    transcript: Transcript, model: ScriptedAdapter, golden: Compare
) -> None:
    stream = transcript.stream(await transcript.start())
    await _title(model, stream)
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
    await _title(model, stream)
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
    await _title(model, stream)
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
    await _title(model, stream, '<think>Short.</think>\n"Tide\nTables"')
    await transcript.get(f"/api/convos/gen_title/{started['conversationId']}")
    model.answer("At noon.")
    await stream.rest()
    golden()


async def test_transcript_of_parallel(
    transcript: Transcript, model: ScriptedAdapter, golden: Compare
) -> None:
    started = await transcript.start(addedConvo={"endpoint": "openAI", "model": MINI})
    stream = transcript.stream(started)
    await _title(model, stream)
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


async def test_transcript_of_resume_of_parallel(
    transcript: Transcript, model: ScriptedAdapter, golden: Compare
) -> None:
    added = {"endpoint": "openAI", "model": MINI, "modelLabel": "Mini: fast"}
    started = await transcript.client.start(addedConvo=added, modelLabel="Big")
    stream = transcript.client.stream(started)
    await _title(model, stream)
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


async def test_transcript_of_regenerate(
    transcript: Transcript, model: ScriptedAdapter, golden: Compare
) -> None:
    first = await _first_turn(transcript, model)
    question = first["requestMessage"]
    started = await transcript.start(
        isRegenerate=True,
        conversationId=question["conversationId"],
        overrideParentMessageId=question["messageId"],
        responseMessageId=first["responseMessage"]["messageId"] + "_",
    )
    stream = transcript.stream(started)
    await stream.frames(2)
    model.answer("At midnight.")
    await transcript.show(stream)
    golden()


async def test_transcript_of_edit_and_continue(
    transcript: Transcript, model: ScriptedAdapter, golden: Compare
) -> None:
    first = await _first_turn(transcript, model)
    question = first["requestMessage"]
    started = await transcript.start(
        isRegenerate=True,
        conversationId=question["conversationId"],
        overrideParentMessageId=question["messageId"],
        responseMessageId=first["responseMessage"]["messageId"],
        editedContent={"index": 0, "type": "text", "text": "I say: "},
    )
    stream = transcript.stream(started)
    await stream.frames(2)
    model.answer("at midnight.")
    await transcript.show(stream)
    golden()


async def test_transcript_of_continue(
    transcript: Transcript, model: ScriptedAdapter, golden: Compare
) -> None:
    model.give_title("Tide Tables")
    model.say(TextDelta("At no"))
    model.finish(FinishReason.LENGTH)
    first = await _ended(transcript)
    question = first["requestMessage"]
    started = await transcript.start(
        isContinued=True,
        isRegenerate=True,
        conversationId=question["conversationId"],
        messageId=question["messageId"],
        overrideParentMessageId=question["messageId"],
        responseMessageId=first["responseMessage"]["messageId"] + "_",
    )
    stream = transcript.stream(started)
    await stream.frames(2)
    model.answer("on.")
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


async def test_transcript_of_resume(
    transcript: Transcript, model: ScriptedAdapter, golden: Compare
) -> None:
    started = await transcript.start(quotes=["the sea"])
    first = transcript.stream(started)
    await _title(model, first)
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
    await _title(model, stream)
    model.answer("At noon.")
    await stream.rest()
    await transcript.show(transcript.stream(started, "resume=true&"), "?resume=true")
    await transcript.get(f"/api/agents/chat/status/{started['conversationId']}")
    golden()
