"""What is sent to Google for which parameters, as tables (contract 02 §9.1)."""

from types import SimpleNamespace
from typing import Any

import pytest

from providers.adapters import google_wire
from providers.errors import ProviderError
from providers.types import (
    Finish,
    FinishReason,
    Message,
    Parameters,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    ToolCallPart,
)
from tests.providers.requests import HISTORY, SCHEMA, TOOL, request


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
    ("model", "is_signed"),
    [("gemini-2.5-pro", False), ("gemini-3-pro", True), ("gemini-flash-latest", True)],
)
def test_google_calls_are_signed_where_it_insists(model: str, *, is_signed: bool) -> None:
    calls = (ToolCallPart("1", "a", "{}"), ToolCallPart("2", "b", "{}"))
    (turn,) = google_wire.contents(request(model, messages=[Message("assistant", calls)]))
    assert ["thought_signature" in part for part in turn["parts"]] == [is_signed, False]


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


def test_title_is_made_without_thinking() -> None:
    config = google_wire.config(request("gemini-2.5-flash", purpose="title"))
    assert config["thinking_config"] == {"thinking_budget": 0}


def _answer(**part: Any) -> SimpleNamespace:
    """As the SDK reads it: its JSON takes what ours refuses."""
    whole = SimpleNamespace(**{"function_call": None, "thought": None, "text": None, **part})
    candidate = SimpleNamespace(content=SimpleNamespace(parts=[whole]), finish_reason=None)
    return SimpleNamespace(candidates=[candidate], prompt_feedback=None, usage_metadata=None)


@pytest.mark.parametrize(("text", "stored"), [("a\x00b", "ab"), ("a\ud83d", "a\ufffd")])
def test_google_says_nothing_that_cannot_be_stored(text: str, stored: str) -> None:
    call = SimpleNamespace(id=text, name=text, args={"a\x00": 1})
    read = google_wire.ResponseReader().read
    assert read(_answer(text=text)) == [TextDelta(stored)]
    assert read(_answer(text=text, thought=True)) == [ReasoningDelta(stored)]
    (delta,) = read(_answer(function_call=call))
    assert delta == ToolCallDelta(0, stored, stored, '{"a\\u0000":1}')


@pytest.mark.parametrize("value", ["\ud83d", 2**70])
def test_google_arguments_that_are_no_json_end_the_answer(value: Any) -> None:
    call = SimpleNamespace(id="1", name="add", args={"a": value})
    with pytest.raises(ProviderError, match="malformed"):
        google_wire.ResponseReader().read(_answer(function_call=call))
