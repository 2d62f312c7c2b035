"""The client's parameters, cleaned and made neutral."""

import pytest

from librechat_backend.lib.errors import InvalidRequest
from librechat_backend.lib.json import JSONDict, JSONValue
from presets.parameters import clean_settings, sender_label, to_parameters
from providers.types import Parameters


def test_only_settings_with_a_value_are_kept() -> None:
    payload = {
        "text": "Hello",
        "endpoint": "openAI",
        "model": "gpt-4.1",
        "spec": "s",
        "iconURL": "/x.png",
        "temperature": 0.4,
        "top_p": None,
        "modelLabel": "",
        "promptPrefix": "Be brief",
        "stop": [],
        "resendFiles": False,
        "thinkingBudget": 0,
    }
    assert clean_settings(payload) == {
        "temperature": 0.4,
        "promptPrefix": "Be brief",
        "resendFiles": False,
        "thinkingBudget": 0,
    }


@pytest.mark.parametrize(
    ("name", "sent", "kept"),
    [
        ("temperature", "0.7", 0.7),
        ("temperature", 1, 1.0),
        ("max_tokens", "4096", 4096),
        ("maxOutputTokens", 1024.0, 1024),
        ("thinkingBudget", -1, -1),
        ("stop", "END", ["END"]),
        ("stop", ["a", "", "b"], ["a", "b"]),
        ("examples", [{"input": {"content": "a"}}], [{"input": {"content": "a"}}]),
    ],
)
def test_value_is_kept_in_its_own_type(name: str, sent: JSONValue, kept: JSONValue) -> None:
    cleaned = clean_settings({name: sent})[name]
    assert cleaned == kept
    assert type(cleaned) is type(kept)


def test_list_is_left_out_when_nothing_in_it_is_said() -> None:
    assert clean_settings({"stop": [""]}) == {}


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("temperature", "warm"),
        ("temperature", True),
        ("temperature", "nan"),
        ("temperature", "inf"),
        ("temperature", [1]),
        ("max_tokens", 1.5),
        ("max_tokens", "9" * 400),
        ("max_tokens", 2**53),
        ("top_p", 10**400),
        ("temperature", 1e300),
        ("promptPrefix", 5),
        ("web_search", "yes"),
        ("thinking", 1),
        ("stop", {"a": 1}),
        ("stop", [1]),
        ("examples", ["a"]),
    ],
)
def test_setting_is_named_when_its_value_has_the_wrong_type(name: str, sent: JSONValue) -> None:
    with pytest.raises(InvalidRequest) as caught:
        clean_settings({name: sent})
    assert caught.value.status == 400
    assert caught.value.body() == {"message": f"Invalid value for {name}"}


def test_parameters_are_defaults_when_nothing_is_set() -> None:
    assert to_parameters({}) == Parameters()


def test_parameters_come_from_openai_names() -> None:
    settings: JSONDict = {
        "temperature": 0.4,
        "top_p": 0.9,
        "frequency_penalty": 0.1,
        "presence_penalty": 0.2,
        "max_tokens": 100,
        "stop": ["END"],
        "reasoning_effort": "high",
        "verbosity": "low",
        "web_search": True,
        "disableStreaming": True,
        "promptPrefix": "not a parameter",
    }
    assert to_parameters(settings) == Parameters(
        temperature=0.4,
        top_p=0.9,
        frequency_penalty=0.1,
        presence_penalty=0.2,
        max_output_tokens=100,
        stop=("END",),
        reasoning_effort="high",
        verbosity="low",
        web_search=True,
        disable_streaming=True,
    )


def test_parameters_come_from_anthropic_and_google_names() -> None:
    settings: JSONDict = {
        "topP": 0.8,
        "topK": 40,
        "maxOutputTokens": 200,
        "thinking": False,
        "thinkingBudget": -1,
        "thinkingLevel": "low",
        "effort": "max",
        "promptCache": True,
        "url_context": True,
    }
    assert to_parameters(settings) == Parameters(
        top_p=0.8,
        top_k=40,
        max_output_tokens=200,
        thinking=False,
        thinking_budget=-1,
        thinking_level="low",
        reasoning_effort="max",
        prompt_cache=True,
        url_context=True,
    )


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("gpt-4.1", "GPT-4.1"),
        ("gpt-4.1-mini", "GPT-4.1"),
        ("gpt-4o", "GPT-4o"),
        ("openai/gpt-5", "GPT-5"),
        ("gpt-oss-120b", "GPT"),
        ("o3-mini", "o3"),
        ("claude-sonnet-4", "Claude"),
        ("gemini-2.5-pro", "Gemini"),
        ("gemma-3-27b", "Gemma"),
        ("mistral-large", "Mistral"),
        ("deepseek-chat", "Deepseek"),
        ("demo-assistant", "My AI"),
    ],
)
def test_answers_are_named_after_the_model(model: str, expected: str) -> None:
    assert sender_label("My AI", model, {}) == expected


def test_answers_are_named_as_the_person_chose() -> None:
    assert sender_label("My AI", "gpt-4.1", {"modelLabel": "Skipper"}) == "Skipper"
    assert sender_label("My AI", "gpt-4.1", {"chatGptLabel": "Mate"}) == "Mate"


def test_a_name_that_is_too_long_to_be_stored_is_cut() -> None:
    assert sender_label("My AI", "gpt-4.1", {"modelLabel": "x" * 201}) == "x" * 200
    assert sender_label("y" * 201, "mine", {}) == "y" * 200
