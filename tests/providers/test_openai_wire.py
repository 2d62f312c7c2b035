"""What is sent to OpenAI's dialect for which parameters, as tables (contract 02 §9.1)."""

import time
from typing import Any

import pytest

from librechat_backend.lib import json
from providers.adapters import openai_wire
from providers.types import (
    Finish,
    FinishReason,
    Parameters,
    ReasoningDelta,
    StreamEvent,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from tests.providers.requests import HISTORY, SCHEMA, TOOL, request

SAMPLING = Parameters(temperature=0.5, top_p=0.9, frequency_penalty=0.1, presence_penalty=0.2)


def openai(model: str, parameters: Parameters | None = None, **fields: Any) -> dict[str, Any]:
    """The body without what every request has."""
    body = openai_wire.request_body(request(model, parameters, **fields))
    common = {"model", "messages", "stream", "stream_options"}
    return {name: value for name, value in body.items() if name not in common}


def test_openai_history() -> None:
    body = openai_wire.request_body(request("gpt-4o", system="Be brief.", messages=HISTORY))
    image = {"url": "data:image/png;base64,aGk=", "detail": "low"}
    function = {"name": "get_weather", "arguments": '{"a":1}'}
    assert body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is on it?"},
                {"type": "image_url", "image_url": image},
            ],
        },
        {
            "role": "assistant",
            "content": "Let me see.",
            "tool_calls": [{"id": "c1", "type": "function", "function": function}],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "rain"},
        {"role": "user", "content": "And\nnow?"},
    ]
    assert (body["stream"], body["stream_options"]) == (True, {"include_usage": True})


@pytest.mark.parametrize(
    ("model", "is_tuned"),
    [
        ("gpt-4o", True),
        ("o1", False),
        ("o3-mini", False),
        ("openai/o1-preview", False),
        ("gpt-5", False),
        ("gpt-5-mini", False),
        ("gpt-5-chat-latest", True),
        ("gpt-5.1", True),
        ("solo1", True),
        ("gpt-4o-search-preview", False),
    ],
)
def test_openai_sampling_is_only_sent_to_models_that_take_it(model: str, is_tuned: bool) -> None:
    sampling = {
        "temperature": 0.5,
        "top_p": 0.9,
        "frequency_penalty": 0.1,
        "presence_penalty": 0.2,
    }
    assert openai(model, SAMPLING) == (sampling if is_tuned else {})


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("gpt-4o", "max_tokens"),
        ("gpt-5", "max_completion_tokens"),
        ("gpt-5.1", "max_completion_tokens"),
        ("gpt-6-sol", "max_completion_tokens"),
        ("o3", "max_completion_tokens"),
        ("llama-3", "max_tokens"),
        ("gpt-4o-search-preview", "max_tokens"),
    ],
)
def test_openai_limit_has_the_name_the_model_knows(model: str, name: str) -> None:
    assert openai(model, Parameters(max_output_tokens=99)) == {name: 99}


@pytest.mark.parametrize(
    ("parameters", "fields"),
    [
        (Parameters(), {}),
        (Parameters(stop=("a", "b")), {"stop": ["a", "b"]}),
        (Parameters(reasoning_effort="low"), {"reasoning_effort": "low"}),
        (Parameters(reasoning_effort=""), {}),
        (Parameters(verbosity="high"), {"verbosity": "high"}),
        (Parameters(temperature=0.0), {"temperature": 0.0}),
        (
            Parameters(temperature=1, extra={"temperature": 0, "seed": 7}),
            {"temperature": 0, "seed": 7},
        ),
    ],
)
def test_openai_parameters(parameters: Parameters, fields: dict[str, Any]) -> None:
    assert openai("gpt-5.1", parameters) == fields


def test_openai_tools_and_user() -> None:
    function = {"name": "get_weather", "description": "Tells the weather.", "parameters": SCHEMA}
    expected = {"tools": [{"type": "function", "function": function}], "user": "u1"}
    assert openai("gpt-4o", tools=(TOOL,), user_id="u1") == expected


@pytest.mark.parametrize(
    ("parameters", "fields"),
    [
        (Parameters(), {"include_reasoning": True}),
        (Parameters(reasoning_effort="low"), {"reasoning": {"effort": "low"}}),
        (
            Parameters(web_search=True),
            {"include_reasoning": True, "plugins": [{"id": "web"}]},
        ),
    ],
)
def test_openrouter_has_its_own_fields(parameters: Parameters, fields: dict[str, Any]) -> None:
    url = "https://openrouter.ai/api/v1"
    body = openai_wire.request_body(request("x/y", parameters), base_url=url)
    names = ("reasoning", "include_reasoning", "plugins", "reasoning_effort")
    assert {name: body[name] for name in names if name in body} == fields


def test_fields_a_service_refuses_are_not_sent() -> None:
    parameters = Parameters(disable_streaming=True, extra={"seed": 1})
    dropped = frozenset({"user", "seed"})
    body = openai_wire.request_body(request("m", parameters, user_id="u"), dropped=dropped)
    assert sorted(body) == ["messages", "model", "stream"]


def decode(*chunks: dict[str, Any]) -> list[StreamEvent]:
    decoder = openai_wire.ChunkDecoder()
    data = b"".join(b"data: %s\n\n" % json.dumps(chunk) for chunk in chunks)
    events = decoder.feed(data) + decoder.end()
    assert decoder.error is None
    return events


def delta(finish: str | None = "stop", **fields: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": fields, "finish_reason": finish}]}


@pytest.mark.parametrize(
    ("chunk", "events"),
    [
        (delta(content="a"), [TextDelta("a")]),
        (delta(reasoning="hm", content="a"), [TextDelta("a"), ReasoningDelta("hm")]),
        (delta(reasoning_content="hm", content=None), [ReasoningDelta("hm")]),
        (
            delta(content=[{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]),
            [ReasoningDelta("hm")],
        ),
        (
            delta(content=[{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]),
            [TextDelta("ab")],
        ),
        (
            delta(tool_calls=[{"id": "x", "function": {"name": "f", "arguments": None}}]),
            [ToolCallDelta(0, "x", "f", "")],
        ),
        ({**delta(), "usage": {"prompt_tokens": 3}}, [Usage(input_tokens=3)]),
        ({**delta(), "usage": None, "error": None}, []),
    ],
)
def test_openai_chunk(chunk: dict[str, Any], events: list[StreamEvent]) -> None:
    assert decode(chunk) == [*events, Finish(FinishReason.STOP)]


def call(name: str | None, arguments: Any, **fields: Any) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return delta("tool_calls", tool_calls=[{"function": function, **fields}])


F, G = ("f", '{"a": 1}'), ("g", "{}")


@pytest.mark.parametrize(
    "chunks",
    [
        [call(*F, id="x", index=0), call(*G, id="y", index=0)],
        [call(*F, id="x"), call(*G, id="y")],
        [call("f", '{"a"', id="x", index=0), call("f", ": 1}", id="x", index=0),
         call(*G, id="y", index=1)],
        [call("f", '{"a"', id="x", index=0), call(None, ": 1}", id="z", index=0),
         call(*G, id="y", index=1)],
        [call(None, '{"a"', id="x", index=0), call("f", ": 1}", index=0),
         call(*G, id="y", index=1)],
        [call("f", {"a": 1}, id="x", index=3), call("g", {}, id="y", index=4)],
    ],
    ids=["same index", "no index", "name again", "other ids", "late name", "objects"],
)  # fmt: skip
def test_calls_are_told_apart(chunks: list[dict[str, Any]]) -> None:
    whole: dict[int, list[str]] = {}
    for event in decode(*chunks):
        if isinstance(event, ToolCallDelta):
            told = whole.setdefault(event.index, ["", "", ""])
            found = (event.id, event.name, event.arguments)
            whole[event.index] = [a + b for a, b in zip(told, found, strict=True)]
    read = [(i, name, json.loads(arguments)) for i, name, arguments in whole.values()]
    assert read == [("x", "f", {"a": 1}), ("y", "g", {})]


def test_call_is_named_by_texts_whatever_the_service_sent() -> None:
    call = openai_wire.Calls().read({"id": 1e300, "function": {"name": {"a": 1}}}, 0)
    assert (call.id, call.name) == ("1e+300", "{'a': 1}")


def test_call_without_an_id_gets_one() -> None:
    (made, _) = decode(call("f", "{}", index=0))
    assert isinstance(made, ToolCallDelta)
    assert made.id.startswith("call_")


@pytest.mark.parametrize(
    ("finish", "reason"),
    [
        ("stop", FinishReason.STOP),
        ("length", FinishReason.LENGTH),
        ("tool_calls", FinishReason.TOOL_CALLS),
        ("function_call", FinishReason.TOOL_CALLS),
        ("content_filter", FinishReason.CONTENT_FILTER),
        ("something new", FinishReason.STOP),
    ],
)
def test_openai_finish(finish: str, reason: FinishReason) -> None:
    assert decode(delta(finish)) == [Finish(reason)]


def test_thoughts_between_tags_are_no_part_of_the_answer() -> None:
    pieces = ["<th", "ink>The moon.</", "think>\n\nAt noon."]
    chunks = [delta(None, content=piece) for piece in pieces]
    told_apart = [ReasoningDelta("The moon."), TextDelta("At noon.")]
    assert decode(*chunks, delta()) == [*told_apart, Finish(FinishReason.STOP)]
    message = {"message": {"content": "".join(pieces)}, "finish_reason": "stop"}
    answer = openai_wire.events_of_body({"choices": [message]})
    assert answer == [*told_apart, Finish(FinishReason.STOP)]


def test_at_least_20_000_chunks_a_second_are_read() -> None:
    frame = b"data: %s\n\n" % json.dumps(
        {
            "id": "chatcmpl-123",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "gpt",
            "choices": [
                {"index": 0, "delta": {"content": "some text here "}, "finish_reason": None}
            ],
        }
    )
    decoder = openai_wire.ChunkDecoder()
    started = time.perf_counter()
    for _ in range(20_000):
        decoder.feed(frame)
    assert time.perf_counter() - started < 1
