"""POST /v1/responses to channels that have it themselves; and fixed parameters on every way."""

import base64
from typing import Any

import openai
import pytest

from librechat_backend.lib.aio import in_database
from providers.models import Channel
from providers.relay import WireDialect, can_relay
from providers.snapshots import snapshot_of
from tests.gateway.conftest import HELLO, Api, MakeChannel, frames, log_rows
from tests.providers.conftest import Fake

HAS_THEM = {"responses": "yes"}


async def ask(api: Api, text: str = "Hi", **fields: Any) -> Any:
    return await api.post("/v1/responses", {"model": "m", "input": text, **fields})


async def test_response_is_passed_on_and_stored_nowhere(
    api: Api, make_channel: MakeChannel, fake: Fake
) -> None:
    await in_database(make_channel, options=HAS_THEM)
    answer = await ask(api, store=True, include=["reasoning.encrypted_content"], provider="openAI")
    assert answer.status_code == 200, answer.text
    assert answer.json()["id"] == "resp_upstream"
    assert answer.json()["output"][0]["content"][0]["text"] == HELLO
    assert fake.body() == {
        "model": "gpt-fake", "input": "Hi", "store": False,
        "include": ["reasoning.encrypted_content"],
    }  # fmt: skip
    (row,) = await log_rows()
    assert (row.input_tokens, row.output_tokens, row.is_estimated) == (20, 9, False)
    assert (row.cache_read_tokens, row.reasoning_tokens) == (5, 3)


async def test_stream_is_passed_on_frame_by_frame(
    api: Api, make_channel: MakeChannel, fake: Fake
) -> None:
    await in_database(make_channel, options=HAS_THEM)
    answer = await ask(api, stream=True)
    kinds = [frame["type"] for frame in frames(answer)]
    assert kinds[0] == "response.created"
    assert kinds.count("response.output_text.delta") == 5
    assert kinds[-1] == "response.completed"
    assert "event: response.completed\ndata: " in answer.text
    (row,) = await log_rows()
    assert (row.status, row.output_tokens, row.is_estimated) == ("ok", 9, False)


async def test_stream_is_made_of_a_body_when_the_provider_sends_one(
    api: Api, make_channel: MakeChannel
) -> None:
    await in_database(make_channel, options=HAS_THEM, sends="[[ignore-stream]]")
    chunks = frames(await ask(api, stream=True))
    assert [chunk["type"].removeprefix("response.") for chunk in chunks] == [
        "created", "output_item.added", "content_part.added", "output_text.delta",
        "output_text.done", "content_part.done", "output_item.done", "completed",
    ]  # fmt: skip
    assert [chunk["sequence_number"] for chunk in chunks] == list(range(8))
    assert chunks[3]["delta"] == HELLO
    assert chunks[0]["response"]["status"] == "in_progress"


@pytest.mark.parametrize("marker", ["[[cut]]", "[[malformed]]", "[[no-end]]", "[[error-frame]]"])
async def test_stream_ends_with_an_error_when_the_provider_breaks_off(
    api: Api, make_channel: MakeChannel, fake: Fake, marker: str
) -> None:
    await in_database(make_channel, options=HAS_THEM, sends=f"{marker} [[chunks:5:0.05]]")
    chunks = frames(await ask(api, stream=True))
    assert chunks[-1]["type"] == "error", chunks
    (row,) = await log_rows()
    assert (row.status, row.is_estimated) == ("partial", True)
    assert await fake.becomes(0, within_seconds=5)


@pytest.mark.parametrize("is_stream", [False, True])
async def test_channel_without_them_answers_when_the_first_fails(
    api: Api, make_channel: MakeChannel, fake: Fake, is_stream: bool
) -> None:
    await in_database(make_channel, options=HAS_THEM, sends="[[status:500]]", priority=1)
    await in_database(make_channel, "second")
    answer = await ask(api, stream=is_stream)
    assert answer.status_code == 200
    assert HELLO in answer.text
    assert [request["path"] for request in fake.received()] == [
        "/v1/responses", "/v1/chat/completions",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "fields",
    [
        {"previous_response_id": "resp_of_somebody"}, {"conversation": "c"}, {"background": True},
        {"tools": [{"type": "file_search", "vector_store_ids": ["of somebody"]}]},
        {"input": [{"type": "item_reference", "id": "of somebody"}]},
    ],
)  # fmt: skip
async def test_nothing_others_stored_at_the_provider_is_reached(
    api: Api, make_channel: MakeChannel, fake: Fake, fields: dict[str, Any]
) -> None:
    await in_database(make_channel, options=HAS_THEM)
    assert (await ask(api, **fields)).status_code == 400
    assert fake.received() == []


OWN: list[dict[str, Any]] = [
    {"tools": [{"type": "web_search"}]},
    {"tools": [{"type": "custom", "name": "f"}]},
    {"input": [
        {"role": "user", "content": "Hi"},
        {"type": "custom_tool_call", "call_id": "c", "name": "f", "input": "x"},
        {"type": "custom_tool_call_output", "call_id": "c", "output": "y"},
    ]},
]  # fmt: skip


@pytest.mark.parametrize("fields", OWN)
async def test_what_only_responses_have_is_passed_on(
    api: Api, make_channel: MakeChannel, fake: Fake, fields: dict[str, Any]
) -> None:
    await in_database(make_channel, options=HAS_THEM, sends="[[say:Hi]]")
    assert (await ask(api, **fields)).status_code == 200
    assert fields.items() <= fake.body().items()


@pytest.mark.parametrize("fields", OWN)
async def test_what_only_responses_have_is_not_lost_in_a_translation(
    api: Api, make_channel: MakeChannel, fake: Fake, fields: dict[str, Any]
) -> None:
    await in_database(make_channel)
    answer = await ask(api, **fields)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, next(iter(fields)))
    assert "is not supported by this model's provider" in answer.text
    assert fake.received() == []


async def test_moderation_needs_no_model(api: Api, make_channel: MakeChannel) -> None:
    names = ["omni-moderation-latest"]
    await in_database(make_channel, model_names=names, model_mapping={})
    answer = await api.post("/v1/moderations", {"input": "bad"})
    assert (answer.status_code, answer.json()["model"]) == (200, names[0])


@pytest.mark.parametrize("output", ["Sunny", [{"type": "input_text", "text": "Sunny"}]])
async def test_result_of_a_tool_may_come_in_parts(
    api: Api, make_channel: MakeChannel, output: Any
) -> None:
    await in_database(make_channel)
    items = [
        {"type": "function_call", "call_id": "c", "name": "weather", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": output},
    ]
    answer = await api.post("/v1/responses", {"model": "m", "input": items})
    assert answer.json()["output"][0]["content"][0]["text"] == "weather said: Sunny"


@pytest.mark.parametrize(
    ("fields", "has_them"),
    [
        ({"base_url": ""}, True),
        ({"base_url": "https://api.openai.com/v1"}, True),
        ({"base_url": "https://proxy.example.com/v1"}, False),
        ({"base_url": "https://proxy.example.com/v1", "options": HAS_THEM}, True),
        ({"base_url": "", "options": {"responses": "no"}}, False),
        ({"kind": "groq", "base_url": ""}, False),
        ({"kind": "anthropic", "base_url": "", "options": HAS_THEM}, False),
    ],
)
def test_channel_has_them_at_its_own_address_or_where_it_says_so(
    make_channel: MakeChannel, fields: dict[str, Any], has_them: bool
) -> None:
    channel: Channel = make_channel(**fields)
    snapshot = snapshot_of(channel)
    assert snapshot is not None
    assert can_relay(snapshot, WireDialect.RESPONSES) is has_them


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": "Hi"}]}),
        ("/v1/responses", {"input": "Hi"}),
        ("/v1/embeddings", {"input": "Hi"}),
    ],
)
@pytest.mark.parametrize("options", [{}, HAS_THEM])
async def test_fixed_parameters_hold_on_every_way(
    api: Api,
    make_channel: MakeChannel,
    fake: Fake,
    path: str,
    body: dict[str, Any],
    options: dict[str, str],
) -> None:
    fixed = {"temperature": 0.2, "user": None}
    await in_database(make_channel, options=options, parameter_overrides=fixed)
    asked = {"model": "m", "temperature": 1.5, "user": "me", **body}
    assert (await api.post(path, asked)).status_code == 200
    sent = fake.body()
    assert sent["temperature"] == 0.2
    assert "user" not in sent


@pytest.mark.parametrize(("kind", "path"), [
    ("google", "/v1beta/openai/embeddings"),
    ("azure", "/openai/deployments/gpt-fake/embeddings?api-version=2024-10-21"),
])  # fmt: skip
async def test_vectors_of_other_services(
    api: Api, make_channel: MakeChannel, fake: Fake, kind: str, path: str
) -> None:
    await in_database(make_channel, kind=kind, base_url=fake.url)
    answer = await api.post("/v1/embeddings", {"model": "m", "input": "Hi", "dimensions": 2})
    assert answer.json()["data"][0]["embedding"] == [0.5, -0.25]
    assert [request["path"] for request in fake.received()] == [path]


async def test_pictures_of_gemini_come_through_openais_library(
    api: Api, make_channel: MakeChannel, fake: Fake
) -> None:
    await in_database(make_channel, kind="google", base_url=fake.url, sends="imagen-fake")
    client = openai.AsyncOpenAI(
        api_key=api.key, base_url="http://api/v1", http_client=_as_sdk_wants(api), max_retries=0
    )
    image = await client.images.generate(model="m", prompt="A cat", size="1024x1024")
    assert base64.b64decode((image.data or [])[0].b64_json or "") == b"A cat"
    assert fake.body() == {"model": "imagen-fake", "prompt": "A cat", "size": "1024x1024"}
    assert [request["path"] for request in fake.received()] == ["/v1beta/openai/images/generations"]


@pytest.mark.parametrize("kind", ["anthropic", "google"])
async def test_what_a_service_has_not_is_refused_clearly(
    api: Api, make_channel: MakeChannel, kind: str
) -> None:
    await in_database(make_channel, kind=kind)
    answer = await api.post("/v1/audio/speech", {"model": "m", "input": "Hi", "voice": "alloy"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "unsupported_operation")
    assert "does not offer audio/speech" in answer.json()["error"]["message"]


async def test_openai_library_reads_what_is_passed_on(api: Api, make_channel: MakeChannel) -> None:
    await in_database(make_channel, options=HAS_THEM)
    client = openai.AsyncOpenAI(
        api_key=api.key, base_url="http://api/v1", http_client=_as_sdk_wants(api), max_retries=0
    )
    answer = await client.responses.create(model="m", input="Hi")
    assert (answer.output_text, answer.status) == (HELLO, "completed")
    async with client.responses.stream(model="m", input="Hi") as stream:
        final = await stream.get_final_response()
    assert final.output_text == HELLO
    assert final.usage is not None
    assert final.usage.total_tokens == 29
    await client.close()


def _as_sdk_wants(api: Api) -> Any:
    import httpx2

    app: Any = api.http._transport.app  # type: ignore[attr-defined]
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app))
