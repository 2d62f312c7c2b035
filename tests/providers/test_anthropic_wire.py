"""What is sent to Anthropic for which parameters, as tables (contract 02 §9.1)."""

from typing import Any

import pytest

from librechat_backend.lib import json
from librechat_backend.lib.json import JSONDict, JSONValue
from providers.adapters import anthropic_wire
from providers.adapters.anthropic_models import default_output_tokens
from providers.types import (
    Message,
    Parameters,
    TextPart,
    ToolCallDelta,
)
from tests.providers.requests import HISTORY, SCHEMA, TOOL, request


def anthropic(model: str, parameters: Parameters | None = None, **fields: Any) -> dict[str, Any]:
    parameters = parameters or Parameters(prompt_cache=False)
    body = anthropic_wire.request_body(request(model, parameters, **fields))
    return {name: body[name] for name in body if name not in {"model", "messages", "stream"}}


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


def test_title_is_made_without_thinking() -> None:
    body = anthropic_wire.request_body(request("claude-haiku-4-5", purpose="title"))
    assert "thinking" not in body


def _frames(call: JSONDict, piece: JSONValue) -> bytes:
    delta = {"type": "input_json_delta", "partial_json": piece}
    events = [
        {"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use", **call}},
        {"type": "content_block_delta", "index": 0, "delta": delta},
    ]
    return b"".join(b"data: %b\n\n" % json.dumps(event) for event in events)


def test_call_is_named_by_texts_whatever_the_service_sent() -> None:
    decoder = anthropic_wire.EventDecoder()
    assert decoder.feed(_frames({"id": 1e300, "name": 5}, "{}")) == [
        ToolCallDelta(0, "1e+300", "5"),
        ToolCallDelta(0, arguments="{}"),
    ]


def test_arguments_that_are_no_text_end_the_answer() -> None:
    decoder = anthropic_wire.EventDecoder()
    decoder.feed(_frames({"id": "1", "name": "add"}, 5))
    assert decoder.error is not None
