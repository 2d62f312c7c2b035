"""Answers have every member the types of the official libraries know, whoever answered them.

The libraries themselves take what comes; here their types are held against it.
"""

from typing import Any

import pytest
from anthropic.types import Message, ModelInfo, RawMessageStreamEvent
from openai.types import Completion, CreateEmbeddingResponse, ImagesResponse
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from librechat_backend.lib.aio import in_database
from tests.gateway.conftest import HELLO, Api, MakeChannel, frames

KINDS = ("openai", "anthropic", "google")
SCRIPTS = ("Hi", "[[tool]]", "[[reasoning]]", "[[length]]", "[[refusal]]", "[[tool]] [[reasoning]]")
COMPLETION, CHUNK = TypeAdapter(ChatCompletion), TypeAdapter(ChatCompletionChunk)
RESPONSE: TypeAdapter[Any] = TypeAdapter(Response)
RESPONSE_EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
MESSAGE: TypeAdapter[Any] = TypeAdapter(Message)
MESSAGE_EVENT: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("kind", KINDS)
async def test_chat(api: Api, make_channel: MakeChannel, kind: str, script: str) -> None:
    await in_database(make_channel, kind=kind)
    COMPLETION.validate_python((await api.chat(script, n=2)).json())
    options = {"include_usage": True}
    answer = await api.chat(script, n=2, stream=True, stream_options=options)
    *chunks, done = frames(answer)
    for chunk in chunks:
        CHUNK.validate_python(chunk)
    assert chunks[-1]["choices"] == []
    assert done == "[DONE]"


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("kind", KINDS)
async def test_responses(api: Api, make_channel: MakeChannel, kind: str, script: str) -> None:
    await in_database(make_channel, kind=kind)
    tool = {"type": "function", "name": "get_weather", "parameters": {"type": "object"}}
    body = {"model": "m", "input": script, "tools": [tool]}
    whole = (await api.post("/v1/responses", body)).json()
    RESPONSE.validate_python(whole)
    assert whole["tools"] == [tool | {"strict": None}]
    events = frames(await api.post("/v1/responses", body | {"stream": True}))
    for event in events:
        RESPONSE_EVENT.validate_python(event)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    # What begins ends: items, their texts and their thoughts.
    kinds = [event["type"] for event in events]
    for begun in ("output_item", "content_part", "reasoning_summary_part"):
        assert kinds.count(f"response.{begun}.added") == kinds.count(f"response.{begun}.done")
    assert ("response.reasoning_summary_part.added" in kinds) is ("reasoning" in script)


async def test_responses_that_fail_halfway(api: Api, make_channel: MakeChannel) -> None:
    await in_database(make_channel)
    body = {"model": "m", "input": "[[cut]] [[chunks:5:0.05]]", "stream": True}
    last = frames(await api.post("/v1/responses", body))[-1]
    RESPONSE_EVENT.validate_python(last)
    assert (last["type"], last["response"]["error"]["code"]) == ("response.failed", "server_error")


async def test_responses_passed_on_that_fail_halfway(api: Api, make_channel: MakeChannel) -> None:
    await in_database(make_channel, options={"responses": "yes"})
    body = {"model": "m", "input": "[[cut]] [[chunks:5:0.05]]", "stream": True}
    *events, last = frames(await api.post("/v1/responses", body))
    RESPONSE_EVENT.validate_python(last)
    assert (last["type"], last["sequence_number"]) == ("error", len(events))


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("kind", KINDS)
async def test_messages(api: Api, make_channel: MakeChannel, kind: str, script: str) -> None:
    await in_database(make_channel, kind=kind)
    turn = {"role": "user", "content": script}
    body = {"model": "m", "max_tokens": 50, "messages": [turn]}
    MESSAGE.validate_python((await api.post("/v1/messages", body)).json())
    for event in frames(await api.post("/v1/messages", body | {"stream": True})):
        if event["type"] != "ping":
            MESSAGE_EVENT.validate_python(event)


@pytest.mark.parametrize("script", SCRIPTS)
async def test_completions(api: Api, make_channel: MakeChannel, script: str) -> None:
    await in_database(make_channel, kind="anthropic", sends=f"claude {script}")
    body = {"model": "m", "prompt": "Hi"}
    TypeAdapter(Completion).validate_python((await api.post("/v1/completions", body)).json())
    *_, last, done = frames(await api.post("/v1/completions", body | {"stream": True}))
    TypeAdapter(Completion).validate_python(last)
    assert done == "[DONE]"


async def test_models_as_anthropic_lists_them(api: Api, make_channel: MakeChannel) -> None:
    await in_database(make_channel)
    listed = (await api.get("/v1/models", anthropic_version="2023-06-01")).json()["data"]
    assert [TypeAdapter(ModelInfo).validate_python(model).id for model in listed] == ["m"]


async def test_vectors_and_pictures(api: Api, make_channel: MakeChannel) -> None:
    await in_database(make_channel, kind="google")
    asked = {"model": "m", "input": HELLO, "prompt": HELLO}
    vectors = (await api.post("/v1/embeddings", asked)).json()
    TypeAdapter(CreateEmbeddingResponse).validate_python(vectors)
    pictures = (await api.post("/v1/images/generations", asked)).json()
    TypeAdapter(ImagesResponse).validate_python(pictures)
