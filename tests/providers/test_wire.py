"""What is sent for which parameters, as tables (contract 02 §9.1)."""

import time
from types import SimpleNamespace
from typing import Any

import pytest

from librechat_backend.lib import json
from providers.adapters import anthropic_wire, google_wire, openai_wire
from providers.adapters.anthropic_models import default_output_tokens
from providers.types import (
    ChatRequest,
    Finish,
    FinishReason,
    ImagePart,
    Message,
    Parameters,
    ReasoningDelta,
    StreamEvent,
    TextDelta,
    TextPart,
    ToolCallDelta,
    ToolCallPart,
    ToolResultPart,
    ToolSpec,
    Usage,
)

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOL = ToolSpec("get_weather", "Tells the weather.", SCHEMA)
SAMPLING = Parameters(temperature=0.5, top_p=0.9, frequency_penalty=0.1, presence_penalty=0.2)
HISTORY = (
    Message("user", (TextPart("What is on it?"), ImagePart("image/png", "aGk=", "low"))),
    Message("assistant", (TextPart("Let me see."), ToolCallPart("c1", "get_weather", '{"a":1}'))),
    Message("tool", (ToolResultPart("c1", "get_weather", "rain"),)),
    Message("user", (TextPart("And"), TextPart("now?"))),
)


def request(model: str, parameters: Parameters | None = None, **fields: Any) -> ChatRequest:
    messages = fields.pop("messages", (Message("user", (TextPart("hi"),)),))
    return ChatRequest(model, messages, parameters=parameters or Parameters(), **fields)


def openai(model: str, parameters: Parameters | None = None, **fields: Any) -> dict[str, Any]:
    """The body without what every request has."""
    body = openai_wire.request_body(request(model, parameters, **fields))
    common = {"model", "messages", "stream", "stream_options"}
    return {name: value for name, value in body.items() if name not in common}


def anthropic(model: str, parameters: Parameters | None = None, **fields: Any) -> dict[str, Any]:
    parameters = parameters or Parameters(prompt_cache=False)
    body = anthropic_wire.request_body(request(model, parameters, **fields))
    return {name: body[name] for name in body if name not in {"model", "messages", "stream"}}


# -- OpenAI ------------------------------------------------------------------------------------


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
    assert openai("gpt-4o", parameters) == fields


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


# -- Anthropic ---------------------------------------------------------------------------------


def test_anthropic_history() -> None:
    parameters = Parameters(prompt_cache=False)
    body = anthropic_wire.request_body(
        request("claude-haiku-4-5", parameters, system="Be brief.", messages=HISTORY)
    )
    source = {"type": "base64", "media_type": "image/png", "data": "aGk="}
    assert body["system"] == [{"type": "text", "text": "Be brief."}]
    assert body["messages"] == [
        {
            "role": "user",
            "content": [
                {"type": "image", "source": source},
                {"type": "text", "text": "What is on it?"},
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "Let me see."},
                {"type": "tool_use", "id": "c1", "name": "get_weather", "input": {"a": 1}},
            ],
        },
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "rain"}],
        },
        {
            "role": "user",
            "content": [{"type": "text", "text": "And"}, {"type": "text", "text": "now?"}],
        },
    ]


@pytest.mark.parametrize(
    ("model", "tokens"),
    [
        ("claude-3-haiku-20240307", 4_096),
        ("claude-3-5-sonnet-latest", 8_192),
        ("claude-3.7-sonnet", 8_192),
        ("claude-opus-4-20250514", 32_000),
        ("claude-opus-4-1", 32_000),
        ("claude-sonnet-4-20250514", 64_000),
        ("anthropic/claude-opus-4.5", 64_000),
        ("claude-haiku-4-5-20251001", 64_000),
        ("claude-sonnet-4-6", 128_000),
        ("claude-opus-5-5", 128_000),
        ("claude-mythos-preview", 128_000),
        ("llama", 8_192),
    ],
)
def test_anthropic_output_limit_by_model(model: str, tokens: int) -> None:
    assert default_output_tokens(model) == tokens


@pytest.mark.parametrize(
    ("model", "parameters", "thinking"),
    [
        ("claude-3-5-sonnet", Parameters(), None),
        ("claude-3-7-sonnet", Parameters(), {"type": "enabled", "budget_tokens": 2000}),
        ("claude-haiku-4-5", Parameters(), {"type": "enabled", "budget_tokens": 2000}),
        (
            "claude-haiku-4-5",
            Parameters(thinking_budget=9000, max_output_tokens=5000),
            {"type": "enabled", "budget_tokens": 4500},
        ),
        (
            "claude-haiku-4-5",
            Parameters(thinking_budget=10),
            {"type": "enabled", "budget_tokens": 1024},
        ),
        ("claude-haiku-4-5", Parameters(max_output_tokens=1000), None),
        ("claude-haiku-4-5", Parameters(thinking=False), None),
        ("claude-sonnet-4-6", Parameters(), {"type": "adaptive"}),
        ("claude-opus-4-7", Parameters(), {"type": "adaptive", "display": "summarized"}),
        ("claude-sonnet-5", Parameters(), {"type": "adaptive", "display": "summarized"}),
        ("claude-sonnet-4-6", Parameters(thinking=False), None),
        ("claude-sonnet-5", Parameters(thinking=False), {"type": "disabled"}),
        ("claude-opus-5-5", Parameters(thinking=False), {"type": "disabled"}),
    ],
)
def test_anthropic_thinking(
    model: str, parameters: Parameters, thinking: dict[str, Any] | None
) -> None:
    assert anthropic(model, parameters).get("thinking") == thinking


@pytest.mark.parametrize(
    ("model", "thinking", "fields"),
    [
        ("claude-3-5-sonnet", True, {"temperature": 0.5, "top_p": 0.9, "top_k": 3}),
        ("claude-3-7-sonnet", True, {}),
        ("claude-3-7-sonnet", False, {"temperature": 0.5, "top_p": 0.9, "top_k": 3}),
        ("claude-haiku-4-5", False, {"temperature": 0.5, "top_k": 3}),
        ("claude-opus-4-7", False, {}),
        ("claude-sonnet-5", False, {}),
        ("claude-fable-5", False, {}),
    ],
)
def test_anthropic_sampling(model: str, thinking: bool, fields: dict[str, Any]) -> None:
    parameters = Parameters(temperature=0.5, top_p=0.9, top_k=3, thinking=thinking)
    body = anthropic(model, parameters)
    assert {n: body[n] for n in ("temperature", "top_p", "top_k") if n in body} == fields


@pytest.mark.parametrize(
    ("model", "thinking", "effort", "config"),
    [
        ("claude-haiku-4-5", True, "high", None),
        ("claude-sonnet-4-6", True, "high", {"effort": "high"}),
        ("claude-opus-5", True, "max", {"effort": "max"}),
        ("claude-opus-5", False, "max", {"effort": "high"}),
        ("claude-opus-5", False, "low", {"effort": "low"}),
    ],
)
def test_anthropic_effort(
    model: str, thinking: bool, effort: str, config: dict[str, str] | None
) -> None:
    parameters = Parameters(thinking=thinking, reasoning_effort=effort)
    assert anthropic(model, parameters).get("output_config") == config


def test_anthropic_tools_stop_and_user() -> None:
    parameters = Parameters(web_search=True, stop=("x",), prompt_cache=False, thinking=False)
    assert anthropic("claude-haiku-4-5", parameters, tools=(TOOL,), user_id="u") == {
        "max_tokens": 64_000,
        "tools": [
            {"name": "get_weather", "description": "Tells the weather.", "input_schema": SCHEMA},
            {"type": "web_search_20250305", "name": "web_search"},
        ],
        "stop_sequences": ["x"],
        "metadata": {"user_id": "u"},
    }


def test_anthropic_marks_what_can_be_cached() -> None:
    messages = (
        Message("user", (TextPart("one"),)),
        Message("assistant", (TextPart("two"),)),
        Message("user", (TextPart("three"),)),
        Message("assistant", (TextPart("four"),)),
        Message("user", (TextPart("five"),)),
    )
    body = anthropic_wire.request_body(request("claude-haiku-4-5", system="s", messages=messages))
    marked = [m["content"][-1].get("cache_control") is not None for m in body["messages"]]
    assert marked == [False, False, True, False, True]
    assert body["system"][0]["cache_control"] == {"type": "ephemeral"}


def test_titles_are_made_without_thinking() -> None:
    body = anthropic_wire.request_body(request("claude-haiku-4-5", purpose="title"))
    assert "thinking" not in body
    config = google_wire.config(request("gemini-2.5-flash", purpose="title"))
    assert config["thinking_config"] == {"thinking_budget": 0}


# -- Google ------------------------------------------------------------------------------------


def test_google_history() -> None:
    assert google_wire.contents(request("gemini-2.5-pro", messages=HISTORY)) == [
        {
            "role": "user",
            "parts": [
                {"text": "What is on it?"},
                {"inline_data": {"mime_type": "image/png", "data": b"hi"}},
            ],
        },
        {
            "role": "model",
            "parts": [
                {"text": "Let me see."},
                {"function_call": {"name": "get_weather", "args": {"a": 1}}},
            ],
        },
        {
            "role": "user",
            "parts": [
                {"function_response": {"name": "get_weather", "response": {"output": "rain"}}}
            ],
        },
        {"role": "user", "parts": [{"text": "And"}, {"text": "now?"}]},
    ]


@pytest.mark.parametrize(
    ("model", "parameters", "thinking"),
    [
        ("gemini-2.0-flash", Parameters(), None),
        ("gemini-2.5-flash-image", Parameters(), None),
        ("gemini-2.5-pro", Parameters(), {"include_thoughts": True}),
        (
            "gemini-2.5-pro",
            Parameters(thinking_budget=-1),
            {"include_thoughts": True, "thinking_budget": -1},
        ),
        ("gemini-2.5-flash", Parameters(thinking=False), {"thinking_budget": 0}),
        ("gemini-2.5-pro", Parameters(thinking=False), None),
        (
            "gemini-3-pro-preview",
            Parameters(thinking_budget=100, thinking_level="low"),
            {"include_thoughts": True, "thinking_level": "low"},
        ),
    ],
)
def test_google_thinking(
    model: str, parameters: Parameters, thinking: dict[str, Any] | None
) -> None:
    assert google_wire.config(request(model, parameters)).get("thinking_config") == thinking


def test_google_parameters() -> None:
    parameters = Parameters(
        temperature=0.5,
        top_p=0.9,
        top_k=3,
        max_output_tokens=99,
        stop=("x",),
        web_search=True,
        url_context=True,
        extra={"labels": {"a": "b"}},
    )
    config = google_wire.config(
        request("gemini-2.5-pro", parameters, system="Be brief.", tools=(TOOL,))
    )
    declaration = {
        "name": "get_weather",
        "description": "Tells the weather.",
        "parameters_json_schema": SCHEMA,
    }
    assert config == {
        "system_instruction": "Be brief.",
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 3,
        "max_output_tokens": 99,
        "stop_sequences": ["x"],
        "thinking_config": {"include_thoughts": True},
        "tools": [
            {"function_declarations": [declaration]},
            {"google_search": {}},
            {"url_context": {}},
        ],
        "automatic_function_calling": {"disable": True},
        "http_options": {"extra_body": {"labels": {"a": "b"}}},
    }


def test_blocked_prompt_of_google_is_a_content_filter() -> None:
    feedback = SimpleNamespace(block_reason="SAFETY")
    reader = google_wire.ResponseReader()
    answer = SimpleNamespace(candidates=None, prompt_feedback=feedback, usage_metadata=None)
    assert reader.read(answer) == []
    assert reader.end() == [Finish(FinishReason.CONTENT_FILTER)]


@pytest.mark.parametrize(
    ("model", "tokens"),
    [("gemini-1.5-pro", 8_192), ("gemini-2.5-flash-image", 32_768), ("gemini-3.5-flash", 65_535)],
)
def test_google_output_limit_by_model(model: str, tokens: int) -> None:
    assert google_wire.default_output_tokens(model) == tokens
