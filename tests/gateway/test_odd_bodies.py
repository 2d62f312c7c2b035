"""Whatever stands in a body, at whatever place: an answer or a refusal, never an unknown error."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from librechat_backend.lib.aio import in_database
from tests.gateway.conftest import Api, MakeChannel

JSON = dict[str, Any]
ODD: list[Any] = [None, 1.5, True, "", "x", [], {}, [None], [{}], {"a": 1}]
PICTURE, PLAN = "data:image/png;base64,aGk=", "data:application/pdf;base64,aGk="
SCHEMA: JSON = {"type": "object"}
CALL: JSON = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}

CHAT: JSON = {
    "model": "m", "n": 1, "stop": ["a"], "max_tokens": 5, "reasoning_effort": "low",
    "messages": [
        {"role": "user", "content": [
            {"type": "text", "text": "Hi"},
            {"type": "image_url", "image_url": {"url": PICTURE, "detail": "low"}},
            {"type": "file", "file": {"filename": "a.pdf", "file_data": PLAN}},
        ]},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c", "content": "Sunny"},
    ],
    "tools": [{"type": "function", "function": {"name": "f", "parameters": SCHEMA}}],
    "tool_choice": {"type": "function", "function": {"name": "f"}},
    "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}},
}  # fmt: skip
BASE64: JSON = {"type": "base64", "media_type": "image/png", "data": "aGk="}
MESSAGES: JSON = {
    "model": "m", "max_tokens": 5, "system": [{"type": "text", "text": "Be brief."}],
    "messages": [
        {"role": "user", "content": [
            {"type": "text", "text": "Hi"}, {"type": "image", "source": BASE64},
            {"type": "document", "title": "t", "source": BASE64},
        ]},
        {"role": "assistant", "content": [
            {"type": "tool_use", "id": "c", "name": "f", "input": {}},
        ]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "c", "content": [{"type": "text", "text": "r"}]},
        ]},
    ],
    "tools": [{"name": "f", "description": "d", "input_schema": SCHEMA}],
    "tool_choice": {"type": "tool", "name": "f"},
    "thinking": {"type": "enabled", "budget_tokens": 1024},
}  # fmt: skip
RESPONSES: JSON = {
    "model": "m", "instructions": "Be brief.",
    "input": [
        {"role": "user", "content": [
            {"type": "input_text", "text": "Hi"},
            {"type": "input_image", "image_url": PICTURE},
            {"type": "input_file", "filename": "a.pdf", "file_data": PLAN},
        ]},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": [{"text": "x"}]},
    ],
    "tools": [{"type": "function", "name": "f", "parameters": SCHEMA}],
    "tool_choice": {"type": "function", "name": "f"},
    "text": {"format": {"type": "json_schema", "name": "x", "schema": SCHEMA}},
    "reasoning": {"effort": "low"},
}  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    members = value if isinstance(value, list) else []
    for name, each in value.items() if isinstance(value, dict) else enumerate(members):
        yield from places(each, (*path, name))


def with_odd(body: JSON, path: tuple[Any, ...], odd: Any) -> JSON:
    changed = copy.deepcopy(body)
    place: Any = changed
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = odd
    return changed


def nested(depth: int, inner: str) -> str:
    return '{"a":[' * depth + inner + "]}" * depth


@pytest.mark.parametrize("inner", ["1", r'"\u0000"'])
@pytest.mark.parametrize("depth", [20, 110, 127, 400, 505, 50_000])
@pytest.mark.parametrize("kind", ["openai", "anthropic", "google"])
async def test_no_depth_of_a_body_is_an_unknown_error(
    api: Api, make_channel: MakeChannel, kind: str, depth: int, inner: str
) -> None:
    await in_database(make_channel, kind=kind, options={"responses": "yes"})
    value = nested(depth, inner)
    schema = json.loads(value) if depth < 300 else "DEEP"
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": value}}
    tool = {"name": "f", "parameters": schema, "input_schema": schema}
    asked: dict[str, list[JSON]] = {
        "chat/completions": [
            {"messages": [
                {"role": "user", "content": [{"type": "text", "text": "x", "y": schema}]}
            ]},
            {"messages": [*CHAT["messages"][:1], {"role": "assistant", "tool_calls": [call]}]},
            {"messages": CHAT["messages"][:1], "tools": [{"type": "function", "function": tool}]},
        ],
        "messages": [
            {"messages": [{"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "t", "content": [schema]}
            ]}]},
            {"messages": MESSAGES["messages"][:1], "tools": [tool]},
        ],
        "responses": [
            {"input": "x", "tools": [{"type": "function", **tool}]},
            {"input": [{"type": "function_call", "call_id": "c", "name": "f", "arguments": value}]},
        ],
    }  # fmt: skip
    for path, bodies in asked.items():
        for body in bodies:
            text = json.dumps({"model": "m", "max_tokens": 9, **body}).replace('"DEEP"', value)
            answer = await api.post(f"/v1/{path}", text.encode())
            assert answer.status_code != 500, (path, answer.text)
            if depth == 20:  # the fake fails at a result that belongs to no call
                assert answer.status_code in (200, 502), (path, answer.text)


@pytest.mark.parametrize("kind", ["anthropic", "google"])
@pytest.mark.parametrize(
    ("path", "body"),
    [("chat/completions", CHAT), ("messages", MESSAGES), ("responses", RESPONSES)],
    ids=["chat", "messages", "responses"],
)
async def test_nothing_in_a_body_is_an_unknown_error(
    api: Api, make_channel: MakeChannel, kind: str, path: str, body: JSON
) -> None:
    """The fake provider may fail at what it gets: that is its own affair (502)."""
    await in_database(make_channel, kind=kind, sends="gemini-3-fake")
    assert (await api.post(f"/v1/{path}", body)).status_code == 200
    for number, place in enumerate(places(body)):
        for odd in ODD[number % 2 :: 2]:
            answer = await api.post(f"/v1/{path}", with_odd(body, place, odd))
            assert answer.status_code != 500, (place, odd)
