"""How long a model is to think: said in any dialect, heard by a provider of any other."""

from typing import Any

import pytest

from librechat_backend.lib.aio import in_database
from presets.models import Assignment, Preset
from tests.gateway.conftest import Api, MakeChannel, chat_body
from tests.providers.conftest import Fake

OPENAI, CLAUDE, GEMINI = "openai", "anthropic", "google"


async def by_chat(api: Api, **fields: Any) -> None:
    answer = await api.chat(**fields)
    assert answer.status_code == 200, answer.text


async def by_responses(api: Api, **fields: Any) -> None:
    answer = await api.post("/v1/responses", {"model": "m", "input": "Hi"} | fields)
    assert answer.status_code == 200, answer.text


async def by_messages(api: Api, **fields: Any) -> None:
    answer = await api.post("/v1/messages", chat_body() | {"max_tokens": 40_000} | fields)
    assert answer.status_code == 200, answer.text


def chat(effort: str) -> Any:
    return by_chat, {"reasoning_effort": effort}


def responses(effort: str) -> Any:
    return by_responses, {"reasoning": {"effort": effort}}


def messages(effort: str) -> Any:
    return by_messages, {"output_config": {"effort": effort}}


def budget(tokens: int) -> Any:
    return by_messages, {"thinking": {"type": "enabled", "budget_tokens": tokens}}


def level(name: str) -> Any:
    """As Google's own address of OpenAI's dialect takes it."""
    return by_chat, {"extra_body": {"google": {"thinking_config": {"thinking_level": name}}}}


def heard(sent: Any) -> Any:
    """Whatever a request says about thinking."""
    names = ("reasoning_effort", "output_config", "thinking")
    told = {name: sent[name] for name in names if name in sent}
    if config := sent.get("generationConfig", {}).get("thinkingConfig"):
        told["google"] = config
    return told


def adaptive(effort: str, **shown: str) -> Any:
    return {"thinking": {"type": "adaptive", **shown}, "output_config": {"effort": effort}}


def enabled(tokens: int) -> Any:
    return {"thinking": {"type": "enabled", "budget_tokens": tokens}}


def google(**fields: Any) -> Any:
    """Google's library writes levels large."""
    return {"google": {n: v.upper() if isinstance(v, str) else v for n, v in fields.items()}}


def shown(**fields: Any) -> Any:
    return google(include_thoughts=True, **fields)


CASES = [
    # from OpenAI's dialects
    (chat("high"), CLAUDE, "claude-sonnet-4-6", adaptive("high")),
    (responses("minimal"), CLAUDE, "claude-sonnet-4-6", adaptive("low")),
    (chat("xhigh"), CLAUDE, "claude-sonnet-4-6", adaptive("high")),
    (responses("xhigh"), CLAUDE, "claude-opus-5", adaptive("xhigh", display="summarized")),
    (chat("none"), CLAUDE, "claude-sonnet-4-6", {}),
    (chat("none"), CLAUDE, "claude-opus-5", {"thinking": {"type": "disabled"}}),
    (chat("medium"), CLAUDE, "claude-haiku-4-5", enabled(8_192)),
    (responses("low"), CLAUDE, "claude-haiku-4-5", enabled(1_024)),
    (chat("low"), CLAUDE, "claude-3-5-haiku", {}),
    (chat("banana"), CLAUDE, "claude-sonnet-4-6", {"thinking": {"type": "adaptive"}}),
    (chat("medium"), GEMINI, "gemini-3-pro", shown(thinking_level="low")),
    (responses("medium"), GEMINI, "gemini-3-flash", shown(thinking_level="medium")),
    (chat("none"), GEMINI, "gemini-3-flash", google(thinking_level="minimal")),
    (chat("low"), GEMINI, "gemini-2.5-pro", shown(thinking_budget=1_024)),
    (chat("max"), GEMINI, "gemini-2.5-pro", shown(thinking_budget=24_576)),
    (responses("none"), GEMINI, "gemini-2.5-flash", google(thinking_budget=0)),
    (responses("none"), GEMINI, "gemini-2.5-pro", google(thinking_budget=128)),
    (chat("high"), GEMINI, "gemini-1.5-pro", {}),
    # from Anthropic's
    (messages("max"), OPENAI, "gpt-5.2", {"reasoning_effort": "xhigh"}),
    (messages("max"), OPENAI, "gpt-5", {"reasoning_effort": "high"}),
    (messages("xhigh"), OPENAI, "o3-mini", {"reasoning_effort": "high"}),
    (messages("low"), OPENAI, "gpt-4o", {}),
    (messages("low"), OPENAI, "gpt-5-chat-latest", {}),
    (messages("low"), OPENAI, "of-somebody-else", {"reasoning_effort": "low"}),
    (budget(1_024), OPENAI, "gpt-5.1", {"reasoning_effort": "low"}),
    (budget(32_000), OPENAI, "o3", {"reasoning_effort": "high"}),
    (budget(32_000), OPENAI, "of-somebody-else", {}),
    (messages("high"), GEMINI, "gemini-3-pro", shown(thinking_level="high")),
    (budget(3_000), GEMINI, "gemini-2.5-flash", shown(thinking_budget=3_000)),
    # from Google's
    (level("high"), CLAUDE, "claude-sonnet-4-6", adaptive("high")),
    (level("minimal"), CLAUDE, "claude-haiku-4-5", enabled(1_024)),
    (level("low"), GEMINI, "gemini-3-pro", shown(thinking_level="low")),
    # and where nothing is translated
    (chat("banana"), OPENAI, "gpt-5", {"reasoning_effort": "banana"}),
    (messages("max"), CLAUDE, "claude-haiku-4-5", {"output_config": {"effort": "max"}}),
]  # fmt: skip


@pytest.mark.parametrize(("said", "kind", "model", "told"), CASES)
async def test_effort_is_heard_in_the_words_of_the_model(
    api: Api, make_channel: MakeChannel, fake: Fake, said: Any, kind: str, model: str, told: Any
) -> None:
    await in_database(make_channel, kind=kind, sends=model)
    ask, fields = said
    await ask(api, **fields)
    assert heard(fake.body()) == told


@pytest.mark.parametrize(("fields", "param"), [
    ({"output_config": {"effort": 3}}, "effort"),
    ({"output_config": "high"}, "output_config"),
])  # fmt: skip
async def test_what_is_no_effort_is_refused(api: Api, fields: Any, param: str) -> None:
    answer = await api.post("/v1/messages", chat_body(max_tokens=9) | fields)
    assert answer.status_code == 400
    assert param in answer.json()["error"]["message"]


TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}


@pytest.mark.parametrize(
    ("model", "thinks"), [
    ("claude-haiku-4-5", False), ("claude-opus-4-6", True),
])  # fmt: skip
async def test_no_thoughts_are_wanted_that_could_not_be_given_back(
    api: Api, make_channel: MakeChannel, fake: Fake, model: str, thinks: bool
) -> None:
    await in_database(make_channel, kind=CLAUDE, sends=model)
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    history = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "seen"},
    ]
    await by_chat(api, messages=history, tools=[TOOL], reasoning_effort="low")
    assert ("thinking" in fake.body()) is thinks


async def test_who_must_call_a_tool_does_not_think(
    api: Api, make_channel: MakeChannel, fake: Fake
) -> None:
    await in_database(make_channel, kind=CLAUDE, sends="claude-opus-4-6")
    await by_chat(api, tools=[TOOL], tool_choice="required", reasoning_effort="low")
    assert heard(fake.body()) == {"output_config": {"effort": "low"}}


async def give_preset(endpoint: str, model: str, **fields: Any) -> None:
    preset = await in_database(
        Preset.objects.create, slug="p", name="P", endpoint=endpoint, model=model, **fields
    )
    await in_database(Assignment.objects.create, preset=preset)


@pytest.mark.parametrize(("said", "kind", "model", "fields", "told"), [
    (chat("high"), OPENAI, "gpt-5", {}, {"reasoning_effort": "high"}),
    (chat("high"), OPENAI, "gpt-5",
        {"parameters": {"reasoning_effort": "low"}, "locked": ["reasoning_effort"]},
        {"reasoning_effort": "low"}),
    (budget(9_000), OPENAI, "gpt-5", {}, {"reasoning_effort": "high"}),
    (chat("low"), GEMINI, "gemini-3-flash", {"parameters": {"thinking_level": "high"}},
        shown(thinking_level="low")),
    (chat("low"), GEMINI, "gemini-3-flash",
        {"parameters": {"thinking_level": "high"}, "locked": ["thinking_level"]},
        shown(thinking_level="high")),
    (chat("high"), GEMINI, "gemini-2.5-pro", {"bounds": {"thinking_budget": {"max": 4_000}}},
        shown(thinking_budget=4_000)),
    (chat("none"), GEMINI, "gemini-2.5-flash", {}, google(thinking_budget=0)),
    (messages("low"), CLAUDE, "claude-haiku-4-5", {"parameters": {"thinking_budget": 9_000}},
        enabled(1_024)),
    (responses("medium"), CLAUDE, "claude-opus-4-6", {}, adaptive("medium")),
])  # fmt: skip
async def test_preset_has_its_say_about_efforts_in_any_words(
    api: Api, make_channel: MakeChannel, fake: Fake,
    said: Any, kind: str, model: str, fields: Any, told: Any,
) -> None:  # fmt: skip
    await in_database(make_channel, kind=kind, endpoint=kind, model_names=[model], model_mapping={})
    await give_preset(kind, model, **fields)
    ask, asked = said
    await ask(api, model="p", **asked)
    assert heard(fake.body()) == told
