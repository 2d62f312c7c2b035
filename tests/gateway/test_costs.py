"""What each request of the API cost: in its answer, in a header, and on its row."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import cache
from gateway.formats.costs import with_cost
from librechat_backend.lib import json
from librechat_backend.lib.aio import in_database
from tests.gateway.conftest import Api, MakeChannel, chat_body, frames, log_rows
from usage.models import Price

# 20 tokens in, 9 out, as the fake provider says.
COST = 20 * 2 + 9 * 8
KINDS = ("openai", "anthropic", "google")


@pytest.fixture(autouse=True)
def _forget() -> None:
    cache.local.clear()


async def priced(kind: str = "openai", model: str = "gpt-fake", **known: Any) -> Price:
    fields = {"input_credits": 2_000_000, "output_credits": 8_000_000, **known}
    start = datetime(2020, 1, 1, tzinfo=UTC)
    return await in_database(
        lambda: Price.objects.create(model=model, kind=kind, valid_from=start, **fields)
    )


def message_body(**fields: Any) -> dict[str, Any]:
    return {**chat_body(**fields), "max_tokens": 50}


CALLS: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": chat_body(stream_options={"include_usage": True}),
    "/v1/completions": {"model": "m", "prompt": "Hi", "stream_options": {"include_usage": True}},
    "/v1/messages": message_body(),
    "/v1/responses": {"model": "m", "input": "Hi"},
}


def usage_of(answer: httpx.Response, *, is_stream: bool) -> dict[str, Any]:
    """The last one that is said."""
    if not is_stream:
        return dict(answer.json()["usage"])
    told = [frame for frame in frames(answer) if isinstance(frame, dict)]
    usages = [frame.get("usage") or frame.get("response", {}).get("usage") for frame in told]
    return dict([usage for usage in usages if usage][-1])


@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("path", CALLS)
async def test_answer_says_what_its_row_says(
    api: Api, make_channel: MakeChannel, path: str, kind: str, is_stream: bool
) -> None:
    await in_database(make_channel, kind=kind)
    price = await priced(kind)
    body = dict(CALLS[path])
    if not is_stream:
        body.pop("stream_options", None)
    answer = await api.post(path, body | {"stream": is_stream})
    assert answer.status_code == 200, answer.text
    assert usage_of(answer, is_stream=is_stream)["cost"] == COST / 1_000_000
    assert answer.headers.get("x-cost-credits") == (None if is_stream else str(COST))
    (row,) = await log_rows()
    assert (row.cost_credits, row.price_id, row.cache) == (COST, price.id, "")


@pytest.mark.parametrize("is_stream", [False, True])
async def test_model_without_price_is_unpriced(
    api: Api, make_channel: MakeChannel, is_stream: bool
) -> None:
    await in_database(make_channel)
    await priced("azure")
    await priced(model="gpt-other")
    options: Any = {"stream_options": {"include_usage": True}} if is_stream else {}
    answer = await api.chat(stream=is_stream, **options)
    assert "cost" not in usage_of(answer, is_stream=is_stream)
    assert "x-cost-credits" not in answer.headers
    (row,) = await log_rows()
    assert (row.cost_credits, row.price_id) == (None, "")


async def test_model_and_channel_that_answered_are_paid(
    api: Api, make_channel: MakeChannel
) -> None:
    await in_database(make_channel, "broken", sends="gpt-[[status:500]]", priority=9)
    second = await in_database(make_channel, "second")
    await priced(model="gpt-[[status:500]]", input_credits=1)
    await priced(input_credits=1)
    own = await priced(kind="", channel_id=second.id)
    await api.chat("Hi")
    (row,) = await log_rows()
    assert (row.channel_name, row.cost_credits, row.price_id) == ("second", COST, own.id)


async def test_nothing_is_paid_when_nothing_was_answered(
    api: Api, make_channel: MakeChannel
) -> None:
    await in_database(make_channel)
    await priced(request_credits=100)
    refused, unknown = await api.chat("[[status:400]]"), await api.chat(model="nobody")
    assert refused.status_code >= 400
    assert unknown.status_code == 404
    rows = await log_rows()
    assert [(row.cost_credits, row.price_id) for row in rows] == [(0, ""), (0, "")]


async def test_broken_stream_costs_what_was_said(api: Api, make_channel: MakeChannel) -> None:
    await in_database(make_channel)
    await priced()
    await api.chat("[[cut]]", stream=True)
    (row,) = await log_rows()
    assert (row.status, row.is_estimated) == ("partial", True)
    assert row.cost_credits == 2 * row.input_tokens + 8 * row.output_tokens > 0


@pytest.mark.parametrize("is_stream", [False, True])
async def test_answer_from_the_cache_costs_nothing(
    api: Api, make_channel: MakeChannel, is_stream: bool
) -> None:
    await in_database(make_channel)
    await priced()
    options: Any = {"stream_options": {"include_usage": True}} if is_stream else {}
    costs = []
    for _ in range(2):
        answer = await api.post(
            "/v1/chat/completions", chat_body(stream=is_stream, **options), x_cache_ttl="60"
        )
        costs.append(usage_of(answer, is_stream=is_stream)["cost"])
    assert costs == [COST / 1_000_000, 0]
    rows = await log_rows()
    assert [(row.cache, row.cost_credits) for row in rows] == [("", COST), ("exact", 0)]


async def test_models_are_listed_with_their_prices(api: Api, make_channel: MakeChannel) -> None:
    await in_database(make_channel, model_names=["m", "n"])
    await priced(cache_read_credits=500_000, request_credits=10)
    listed = {each["id"]: each["pricing"] for each in (await api.get("/v1/models")).json()["data"]}
    pricing = {
        "prompt": "0.000002", "completion": "0.000008", "input_cache_read": "0.0000005",
        "request": "0.00001",
    }  # fmt: skip
    assert listed == {"m": pricing, "n": None}
    assert (await api.get("/v1/models/m")).json()["pricing"] == pricing


async def test_embeddings_cost_their_input(api: Api, make_channel: MakeChannel) -> None:
    await in_database(make_channel)
    await priced(output_credits=0)
    answer = await api.post("/v1/embeddings", {"model": "m", "input": ["a", "b"]})
    assert answer.json()["usage"]["cost"] == 12 / 1_000_000
    assert answer.headers["x-cost-credits"] == "12"
    (row,) = await log_rows()
    assert row.cost_credits == 12


@pytest.mark.parametrize(("by_request", "cost"), [(False, None), (True, 40_000)])
async def test_what_is_not_counted_in_tokens_is_paid_by_the_request_alone(
    api: Api, make_channel: MakeChannel, by_request: bool, cost: int | None
) -> None:
    await in_database(make_channel)
    rates: Any = {"input_credits": 0, "output_credits": 0, "request_credits": 40_000}
    await priced(**(rates if by_request else {}))
    for path, body in (
        ("/v1/images/generations", {"model": "m", "prompt": "A tide"}),
        ("/v1/audio/speech", {"model": "m", "input": "Hi", "voice": "x"}),
    ):
        answer = await api.post(path, body)
        assert answer.status_code == 200, answer.text
        assert answer.headers.get("x-cost-credits") == (str(cost) if by_request else None)
    assert [row.cost_credits for row in await log_rows()] == [cost, cost]


async def test_price_of_the_moment_counts_and_the_past_stays(
    api: Api, make_channel: MakeChannel
) -> None:
    await in_database(make_channel)
    price = await priced()
    await api.chat()
    now = datetime.now(UTC)
    price.valid_until = now
    await in_database(price.save)
    newer = await in_database(
        lambda: Price.objects.create(
            model="gpt-fake", kind="openai", valid_from=now, input_credits=0, output_credits=10**6
        )
    )
    await api.chat()
    rows = await log_rows()
    assert [(row.cost_credits, row.price_id) for row in rows] == [(COST, price.id), (9, newer.id)]


FIGURES = st.dictionaries(st.sampled_from(["total_tokens", "x", "cost"]), st.integers(0, 9))


@given(
    usage=FIGURES,
    text=st.sampled_from(["", '"usage": {', '\\"usage\\":{', "cost"]),
    other=st.none() | FIGURES,
    is_first=st.booleans(),
    is_spaced=st.booleans(),
)
def test_cost_is_put_into_the_usage_of_any_body(
    usage: dict[str, int],
    text: str,
    other: dict[str, int] | None,
    is_first: bool,
    is_spaced: bool,
) -> None:
    """``other`` is the schema of a tool with a property of that name."""
    import json as stock

    tools = [] if other is None else [{"parameters": {"properties": {"usage": other}}}]
    body: dict[str, Any] = {"choices": [{"text": text}], "usage": usage, "id": text}
    body = body | {"tools": tools} if is_first else {"tools": tools} | body
    raw = stock.dumps(body, indent=2 if is_spaced else None).encode()
    expected = body | {"usage": usage | {"cost": 0.5}}
    assert json.loads(with_cost(raw, 0.5)) == expected
    assert with_cost(raw, None) is raw


def test_body_nested_deeper_than_can_be_written_stays_as_it_came() -> None:
    deep = b"[" * 400 + b"]" * 400
    body = b'{"usage":{"prompt_tokens":1,"cost":9},"deep":%b}' % deep
    assert with_cost(body, 0.5) == body


SOUND_PRICE: dict[str, Any] = {
    "input_audio_credits": 40_000_000,
    "output_audio_credits": 80_000_000,
}


@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize("kind", ["openai", "google"])
async def test_sound_costs_what_sound_costs_where_the_provider_tells_how_much_it_is(
    api: Api, make_channel: MakeChannel, kind: str, is_stream: bool
) -> None:
    """10 of 20 tokens that are read are sound, 5 others come from the cache, as 4 of 9 said."""
    await in_database(make_channel, kind=kind, sends="gpt-fake")
    await priced(kind, **SOUND_PRICE)
    body = {**chat_body("[[sound]]"), "stream": is_stream}
    assert (await api.post("/v1/chat/completions", body)).status_code == 200
    (row,) = await log_rows()
    assert (row.input_audio_tokens, row.output_audio_tokens) == (10, 4)
    assert row.cost_credits == 10 * 2 + 10 * 40 + 5 * 8 + 4 * 80


async def test_cost_is_empty_where_nobody_tells_how_much_of_an_answer_is_sound(
    api: Api, make_channel: MakeChannel
) -> None:
    await in_database(make_channel)
    await priced(**SOUND_PRICE)
    answer = await api.post("/v1/chat/completions", chat_body("Hi"))
    assert "cost" not in answer.json()["usage"]
    (row,) = await log_rows()
    assert row.cost_credits is None


@pytest.mark.parametrize(
    ("model", "cost"), [("counted", 2 * 2 + 12 * 40 + 4 * 8), ("timed", None), ("silent", None)]
)
async def test_transcription_costs_what_its_provider_counted(
    api: Api, make_channel: MakeChannel, model: str, cost: int | None
) -> None:
    await in_database(make_channel, sends=model)
    await priced(model=model, input_audio_credits=40_000_000)
    files: dict[str, Any] = {"file": ("a.mp3", b"ID3" * 100), "model": (None, "m")}
    headers = {"authorization": f"Bearer {api.key}"}
    answer = await api.http.post("/v1/audio/transcriptions", files=files, headers=headers)
    assert answer.status_code == 200, answer.text
    (row,) = await log_rows()
    assert row.cost_credits == cost
