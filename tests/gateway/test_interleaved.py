"""Calls of tools that grow at once in one stream, through every translation, as the official
libraries put them together again.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import anthropic
import httpx2
import openai
import pytest
from google.genai import types
from hypothesis import given
from hypothesis import strategies as st

from gateway.formats.anthropic_messages import EventEncoder
from gateway.formats.openai_chat_answers import DONE, ChunkEncoder
from gateway.formats.openai_responses_answers import ResponseWriter
from gateway.formats.whole import Whole
from librechat_backend.lib.aio import in_database
from providers.adapters import anthropic_wire, google_wire, openai_wire
from providers.types import StreamEvent, Usage
from tests.gateway.conftest import Api, MakeChannel, chat_body

pytestmark = pytest.mark.one_database

JSON = dict[str, Any]
Batches = list[list[StreamEvent]]
# Bodies are read without NUL, which no database keeps.
WORDS = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=6)
VALUES = st.none() | st.integers(-9, 9) | WORDS | st.lists(WORDS, max_size=3)


@dataclass(frozen=True)
class Piece:
    """Of a call's arguments, or of the text where ``call`` is None."""

    call: int | None
    text: str


@dataclass(frozen=True)
class World:
    arguments: list[JSON]
    pieces: list[Piece]

    def said(self) -> str:
        return "".join(piece.text for piece in self.pieces if piece.call is None)

    def calls(self) -> list[tuple[str, JSON]]:
        """The oracle: each call's pieces by themselves, in the order in which the calls begin."""
        texts: dict[int, str] = {}
        for piece in self.pieces:
            if piece.call is not None:
                texts[piece.call] = texts.get(piece.call, "") + piece.text
        return [(f"tool_{call}", json.loads(text)) for call, text in texts.items()]


@st.composite
def worlds(draw: st.DrawFn) -> World:
    arguments = draw(st.lists(st.dictionaries(WORDS, VALUES, max_size=3), max_size=4))
    lines = [_cut(draw, number, json.dumps(each)) for number, each in enumerate(arguments)]
    lines.append([Piece(None, text) for text in draw(st.lists(WORDS, max_size=3))])
    turns = [number for number, line in enumerate(lines) for _ in line]
    left = [iter(line) for line in lines]
    return World(arguments, [next(left[number]) for number in draw(st.permutations(turns))])


def _cut(draw: st.DrawFn, number: int, text: str) -> list[Piece]:
    """The first piece of a call is often empty."""
    places = sorted(draw(st.lists(st.integers(0, len(text)), max_size=5)))
    ends = [0, *places, len(text)]
    return [Piece(number, text[a:b]) for a, b in zip(ends, ends[1:], strict=False)]


# -- What providers send -------------------------------------------------------------------


def of_openai(world: World) -> Batches:
    decoder, seen = openai_wire.ChunkDecoder(), set[int]()
    batches = []
    for piece in world.pieces:
        delta: JSON = {"content": piece.text}
        if piece.call is not None:
            delta = {"tool_calls": [_openai_call(piece.call, piece.text, seen)]}
        batches.append(decoder.feed(_frame({"choices": [{"index": 0, "delta": delta}]})))
    last = {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}
    batches.append(decoder.feed(_frame(last) + DONE))
    return [*batches, decoder.end()]


def _openai_call(number: int, arguments: str, seen: set[int]) -> JSON:
    call: JSON = {"index": number, "function": {"arguments": arguments}}
    if number not in seen:
        seen.add(number)
        call |= {"id": f"call_{number}", "type": "function"}
        call["function"]["name"] = f"tool_{number}"
    return call


def of_anthropic(world: World) -> Batches:
    """Its blocks follow one another, each in its pieces."""
    decoder = anthropic_wire.EventDecoder()
    frames: list[JSON] = [{"type": "message_start", "message": {"usage": {"input_tokens": 1}}}]
    for index, (block, deltas) in enumerate(_blocks(world)):
        frames.append({"type": "content_block_start", "index": index, "content_block": block})
        frames += [{"type": "content_block_delta", "index": index, "delta": d} for d in deltas]
        frames.append({"type": "content_block_stop", "index": index})
    frames += [
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}},
        {"type": "message_stop"},
    ]
    return [*(decoder.feed(_frame(frame)) for frame in frames), decoder.end()]


def _blocks(world: World) -> Iterator[tuple[JSON, list[JSON]]]:
    yield {"type": "text", "text": ""}, [{"type": "text_delta", "text": world.said()}]
    for call in dict.fromkeys(piece.call for piece in world.pieces if piece.call is not None):
        block = {"type": "tool_use", "id": f"toolu_{call}", "name": f"tool_{call}", "input": {}}
        pieces = [piece.text for piece in world.pieces if piece.call == call]
        yield block, [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]


def of_gemini(world: World) -> Batches:
    """Its calls come whole."""
    reader = google_wire.ResponseReader()
    parts: list[JSON] = [{"text": world.said()}]
    parts += [{"function_call": {"name": n, "args": a}} for n, a in world.calls()]
    candidates = [{"content": {"parts": [part]}} for part in parts]
    made = [{"candidates": [each]} for each in [*candidates, {"finish_reason": "STOP"}]]
    answers = map(types.GenerateContentResponse.model_validate, made)
    return [*(reader.read(answer) for answer in answers), reader.end()]


def _frame(data: JSON) -> bytes:
    return f"data: {json.dumps(data)}\n\n".encode()


# -- What callers read ---------------------------------------------------------------------

Read = tuple[str, list[tuple[str, JSON]], list[str]]


def by_messages(batches: Batches) -> Read:
    encoder = EventEncoder("m")
    answer = encoder.begin(1) + b"".join(map(encoder.frames, batches)) + encoder.end(Usage())
    client = anthropic.Anthropic(api_key="k", http_client=_client(answer))
    asked: Any = [{"role": "user", "content": "Hi"}]
    with client.messages.stream(model="m", max_tokens=9, messages=asked) as stream:
        blocks = stream.get_final_message().content
    calls = [block for block in blocks if block.type == "tool_use"]
    text = "".join(block.text for block in blocks if block.type == "text")
    return text, [(c.name, dict(c.input)) for c in calls], [c.id for c in calls]


def by_responses(batches: Batches) -> Read:
    writer = ResponseWriter({}, "m")
    answer = writer.begin() + b"".join(map(writer.frames, batches)) + writer.end(Usage())
    client = openai.OpenAI(api_key="k", http_client=_client(answer))
    done = []
    with client.responses.stream(model="m", input="Hi") as stream:
        for event in stream:
            if event.type == "response.function_call_arguments.done":
                done.append(event.arguments)
        response = stream.get_final_response()
    calls = [item for item in response.output if item.type == "function_call"]
    assert [call.arguments for call in calls] == done
    read = [(call.name, json.loads(call.arguments)) for call in calls]
    return response.output_text, read, [call.call_id for call in calls]


def by_chat(batches: Batches) -> Read:
    encoder = ChunkEncoder("m")
    answer = encoder.begin() + b"".join(map(encoder.frames, batches)) + DONE
    client = openai.OpenAI(api_key="k", http_client=_client(answer))
    asked: Any = [{"role": "user", "content": "Hi"}]
    with client.chat.completions.stream(model="m", messages=asked) as stream:
        message = stream.get_final_completion().choices[0].message
    calls: list[Any] = list(message.tool_calls or [])
    read = [(call.function.name, json.loads(call.function.arguments)) for call in calls]
    return message.content or "", read, [call.id for call in calls]


def by_whole(batches: Batches) -> Read:
    whole = Whole()
    for batch in batches:
        whole.add(batch)
    calls = [call for _, call in sorted(whole.calls.items())]
    read = [(call.name, json.loads(call.arguments)) for call in calls]
    return whole.text, read, [call.id for call in calls]


def _client(answer: bytes) -> httpx2.Client:
    def handle(request: httpx2.Request) -> httpx2.Response:
        kind = {"content-type": "text/event-stream"}
        return httpx2.Response(200, content=answer, headers=kind)

    return httpx2.Client(transport=httpx2.MockTransport(handle))


@pytest.mark.parametrize("read", [by_messages, by_responses, by_chat, by_whole])
@pytest.mark.parametrize("sent", [of_openai, of_anthropic, of_gemini])
@given(world=worlds())
def test_every_call_comes_out_as_it_was_made(
    sent: Callable[[World], Batches], read: Callable[[Batches], Read], world: World
) -> None:
    text, calls, ids = read(sent(world))
    assert (text, calls) == (world.said(), world.calls())
    assert len(set(ids)) == len(calls)
    assert all(ids)


@pytest.mark.parametrize("path", ["messages", "responses"])
async def test_through_the_door(api: Api, make_channel: MakeChannel, path: str) -> None:
    await in_database(make_channel, sends="[[two-tools]]")
    asked: JSON = {"input": "Hi"} if path == "responses" else chat_body(max_tokens=9)
    answer = (await api.post(f"/v1/{path}", asked | {"model": "m", "stream": True})).text
    positions = [answer.index(f"City {number}") for number in (0, 1)]
    end = "content_block_stop" if path == "messages" else "response.output_item.done"
    assert positions[0] < answer.index(end, positions[0]) < positions[1]


def test_what_waits_is_told_as_soon_as_the_call_before_is_whole() -> None:
    """One after the other they are streamed as they come."""
    pieces = [Piece(0, '{"a"'), Piece(1, "{"), Piece(0, ": 1}"), Piece(1, '"b": 2'), Piece(1, "}")]
    encoder = EventEncoder("m")
    told = [encoder.frames(batch) for batch in of_openai(World([], pieces))]
    assert [each.count(b"content_block_start") for each in told[:5]] == [2, 0, 2, 0, 0]
    assert [each.count(b"partial_json") for each in told[:5]] == [1, 0, 2, 1, 1]
