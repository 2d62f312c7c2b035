"""POST /v1/chat/completions: passed on and translated, in one piece and streamed."""

import json
from typing import Any

import pytest

from librechat_backend.lib.aio import in_database
from tests.gateway.conftest import HELLO, Api, MakeChannel, chat_body, frames, log_rows, text_of
from tests.providers.conftest import Fake

USAGE = {"prompt_tokens": 20, "completion_tokens": 9, "total_tokens": 29}
KINDS = ("openai", "anthropic", "google")


def has_usage(usage: dict[str, int]) -> bool:
    return {name: usage[name] for name in USAGE} == USAGE


async def test_answer_is_passed_on_in_one_piece(
    api: Api, make_channel: MakeChannel, fake: Fake
) -> None:
    await in_database(make_channel)
    answer = await api.chat(temperature=0.5, seed=7, user="me")
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["choices"][0]["message"]["content"] == HELLO
    assert has_usage(body["usage"])
    assert fake.body() == {
        "model": "gpt-fake", "messages": [{"role": "user", "content": "Hi"}],
        "temperature": 0.5, "seed": 7, "user": "me",
    }  # fmt: skip


@pytest.mark.parametrize("kind", KINDS[1:])
async def test_answer_of_another_dialect_is_translated(
    api: Api, make_channel: MakeChannel, kind: str
) -> None:
    await in_database(make_channel, kind=kind)
    answer = await api.chat()
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["object"] == "chat.completion"
    assert body["model"] == "gpt-fake"
    message = body["choices"][0]["message"]
    assert (message["role"], message["content"]) == ("assistant", HELLO)
    assert has_usage(body["usage"])


@pytest.mark.parametrize("kind", KINDS)
async def test_stream_is_the_same_whatever_the_dialect(
    api: Api, make_channel: MakeChannel, kind: str
) -> None:
    await in_database(make_channel, kind=kind)
    answer = await api.chat(stream=True, stream_options={"include_usage": True})
    assert answer.headers["content-type"] == "text/event-stream"
    chunks = frames(answer)
    assert chunks[-1] == "[DONE]"
    assert text_of(chunks) == HELLO
    assert chunks[-2]["choices"] == []
    assert has_usage(chunks[-2]["usage"])
    finish = [c["choices"][0]["finish_reason"] for c in chunks[:-2]]
    assert finish == [None] * (len(finish) - 1) + ["stop"]


@pytest.mark.parametrize("kind", KINDS)
async def test_usage_is_counted_and_not_shown_when_nobody_asked(
    api: Api, make_channel: MakeChannel, kind: str
) -> None:
    await in_database(make_channel, kind=kind)
    chunks = frames(await api.chat(stream=True))
    assert chunks[-1] == "[DONE]"
    assert not any(isinstance(c, dict) and c.get("usage") for c in chunks)
    (row,) = await log_rows()
    assert (row.input_tokens, row.output_tokens, row.is_estimated) == (20, 9, False)
    assert (row.status, row.is_streamed, row.operation) == ("ok", True, "chat.completions")


@pytest.mark.parametrize("kind", KINDS)
async def test_tools_are_called_whatever_the_dialect(
    api: Api, make_channel: MakeChannel, fake: Fake, kind: str
) -> None:
    await in_database(make_channel, kind=kind)
    tool = {
        "type": "function",
        "function": {"name": "get_weather", "parameters": {"type": "object"}},
    }
    answer = await api.chat("[[tool]]", tools=[tool], tool_choice="required")
    choice = answer.json()["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    (call,) = choice["message"]["tool_calls"]
    assert call["function"]["name"] == "get_weather"
    assert json.loads(call["function"]["arguments"]) == {"city": "Paris"}
    history = [
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": call["id"], "content": "Sunny"},
    ]
    body = {"model": "m", "messages": history, "tools": [tool]}
    answer = await api.post("/v1/chat/completions", body)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("arguments", ['{"city": "Pa', "Paris", "[1]", "1", ""])
@pytest.mark.parametrize("path", ["chat/completions", "responses"])
@pytest.mark.parametrize("kind", ["anthropic", "google"])
async def test_arguments_a_model_got_wrong_do_not_end_the_conversation(
    api: Api, make_channel: MakeChannel, kind: str, path: str, arguments: str
) -> None:
    await in_database(make_channel, kind=kind, sends="gemini-3-fake")
    function = {"name": "get_weather", "arguments": arguments}
    body = {
        "input": [
            {"type": "function_call", "call_id": "c", **function},
            {"type": "function_call_output", "call_id": "c", "output": "No city."},
        ],
        "messages": [
            {"role": "assistant", "tool_calls": [{"id": "c", "function": function}]},
            {"role": "tool", "tool_call_id": "c", "content": "No city."},
        ],
    }
    answer = await api.post(f"/v1/{path}", {"model": "m", **body})
    assert answer.status_code == 200, answer.text
    assert "get_weather said: No city." in answer.text


@pytest.mark.parametrize("told", ["output_config", "output_format", "text", "response_format"])
@pytest.mark.parametrize("kind", KINDS)
async def test_schema_of_an_answer_reaches_every_dialect(
    api: Api, make_channel: MakeChannel, fake: Fake, kind: str, told: str
) -> None:
    """Anthropic's own is passed on as it is."""
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    form = {"type": "json_schema", "schema": schema}
    asked: dict[str, Any] = {
        "output_config": {"output_config": {"format": form}},
        "output_format": {"output_format": form},
        "text": {"input": "Hi", "text": {"format": form | {"name": "answer"}}},
        "response_format": {
            "response_format": {
                "type": "json_schema", "json_schema": {"name": "answer", "schema": schema}
            }
        },
    }  # fmt: skip
    path = {"text": "responses", "response_format": "chat/completions"}.get(told, "messages")
    await in_database(make_channel, kind=kind)
    answer = await api.post(f"/v1/{path}", chat_body(max_tokens=9) | asked[told])
    assert answer.status_code == 200, answer.text
    # Anthropic, which is asked by way of others, is told in words.
    assert bare(schema) in bare(fake.body())


def bare(value: object) -> str:
    return json.dumps(value).replace("\\", "").replace(" ", "")


@pytest.mark.parametrize("kind", KINDS)
async def test_instructions_alone_are_the_question(
    api: Api, make_channel: MakeChannel, kind: str
) -> None:
    await in_database(make_channel, kind=kind)
    told = {"model": "m", "messages": [{"role": "system", "content": "[[echo]] Say hello."}]}
    answer = await api.post("/v1/chat/completions", told)
    assert answer.status_code == 200, answer.text
    assert answer.json()["choices"][0]["message"]["content"] == "Say hello."
