"""What is put aside for a call is never less than what an honest provider makes of it."""

import asyncio
import base64
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from accounts.models import User
from gateway.formats import anthropic_messages, openai_chat, openai_responses
from gateway.formats.sizes import size_of
from librechat_backend.lib import json
from librechat_backend.lib.aio import in_database
from presets.models import Assignment, Preset
from providers.sizes import most_tokens, request_tokens, window_tokens
from tests import fake_counting
from tests.gateway.conftest import Api, MakeChannel, chat_body, frames, log_rows
from tests.gateway.test_budgets import only_period, settled
from tests.usage.ledger.machine import make_budget
from usage.ledger.purse import Purse
from usage.models import Price

MODELS = ["gpt-4o", "gpt-4o-mini", "claude-opus-4-7", "gemini-2.5-flash", "who-knows"]
TEXTS = st.text(max_size=200) | st.sampled_from(["ภาษาไทย" * 9, "8" * 99, "🏴‍☠️" * 9, "}{" * 60])
PAGE = b"<< /Type /Page >>" + b"x" * 1_200


def encoded(media_type: str, data: bytes) -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


def pdf(pages: int) -> bytes:
    return b"%PDF-1.7" + PAGE * pages


SCHEMAS = st.dictionaries(TEXTS, TEXTS, max_size=4).map(
    lambda fields: {"type": "object", "properties": {k: {"title": v} for k, v in fields.items()}}
)
TOOLS = st.lists(st.tuples(st.sampled_from(["find", "say"]), TEXTS, SCHEMAS), max_size=6)
# Kind of a part, and what is in it.
PARTS = st.lists(
    st.tuples(st.just("text"), TEXTS.filter(bool))
    | st.tuples(st.just("picture"), st.binary(min_size=1, max_size=60))
    | st.tuples(st.just("sound"), st.binary(min_size=1, max_size=9_000))
    | st.tuples(st.just("pages"), st.integers(1, 5).map(pdf))
    | st.tuples(st.just("plain"), TEXTS.filter(bool).map(str.encode)),
    min_size=1,
    max_size=5,
)
MESSAGES = st.lists(PARTS, min_size=1, max_size=4)
Part = tuple[str, Any]


def openai_part(part: Part) -> dict[str, Any]:
    match part:
        case ("text", text):
            return {"type": "text", "text": text}
        case ("picture", data):
            return {"type": "image_url", "image_url": {"url": encoded("image/png", data)}}
        case ("sound", data):
            sound = {"data": base64.b64encode(data).decode(), "format": "mp3"}
            return {"type": "input_audio", "input_audio": sound}
        case (kind, data):
            media_type = "application/pdf" if kind == "pages" else "text/plain"
            return {"type": "file", "file": {"file_data": encoded(media_type, data)}}


def responses_part(part: Part) -> dict[str, Any]:
    match part:
        case ("text", text):
            return {"type": "input_text", "text": text}
        case ("picture", data):
            return {"type": "input_image", "image_url": encoded("image/png", data)}
        case ("sound", _):
            return {"type": "input_text", "text": "no sound"}
        case (kind, data):
            media_type = "application/pdf" if kind == "pages" else "text/plain"
            return {"type": "input_file", "file_data": encoded(media_type, data)}


def anthropic_part(part: Part) -> dict[str, Any]:
    def source(media_type: str, data: bytes) -> dict[str, Any]:
        encoded = base64.b64encode(data).decode()
        return {"type": "base64", "media_type": media_type, "data": encoded}

    match part:
        case ("text", text):
            return {"type": "text", "text": text}
        case ("picture", data):
            return {"type": "image", "source": source("image/png", data)}
        case ("pages", data):
            return {"type": "document", "source": source("application/pdf", data)}
        case ("plain", data):
            text = {"type": "text", "media_type": "text/plain", "data": data.decode()}
            return {"type": "document", "source": text}
        case _:
            return {"type": "text", "text": "no sound"}


def sent_to(dialect: str, messages: list[list[Part]], tools: Any, schema: Any) -> dict[str, Any]:
    if dialect == "messages":
        content = [[anthropic_part(part) for part in parts] for parts in messages]
        made = [{"name": n, "description": d, "input_schema": s} for n, d, s in tools]
        told = [{"role": "user", "content": each} for each in content]
        return {"model": "m", "max_tokens": 9, "system": "Be brief.", "messages": told} | (
            {"tools": made} if made else {}
        )
    named = [{"name": n, "description": d, "parameters": s} for n, d, s in tools]
    if dialect == "responses":
        content = [[responses_part(part) for part in parts] for parts in messages]
        body = {"model": "m", "input": [{"role": "user", "content": each} for each in content]}
        form = {"type": "json_schema", "name": "x", "schema": schema}
        return body | {
            "instructions": "Be brief.",
            "tools": [{"type": "function", **each} for each in named],
            "text": {"format": form},
        }
    content = [[openai_part(part) for part in parts] for parts in messages]
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    return {
        "model": "m",
        "messages": [{"role": "user", "content": each} for each in content],
        "tools": [{"type": "function", "function": each} for each in named],
        "response_format": form,
    }


@given(
    st.sampled_from(["chat", "messages", "responses"]),
    st.sampled_from(MODELS), MESSAGES, TOOLS, SCHEMAS,
)  # fmt: skip
def test_no_honest_count_of_a_body_is_more_than_the_most(
    dialect: str, model: str, messages: list[list[Part]], tools: Any, schema: Any
) -> None:
    body = sent_to(dialect, messages, tools, schema)
    size = size_of(body)
    counted = fake_counting.tokens(body, model)
    assume(counted <= window_tokens(model))
    assert counted <= size.most(len(json.dumps(body)), model) + size.most_sound()
    parts = [part for parts in messages for part in parts]
    pictures = sum(kind == "picture" for kind, _ in parts)
    assert size.estimated() >= 1_600 * pictures


@given(st.sampled_from(["chat", "messages", "responses"]), MESSAGES, TOOLS, SCHEMAS)
def test_no_honest_count_of_what_is_read_from_it_is_more(
    dialect: str, messages: list[list[Part]], tools: Any, schema: Any
) -> None:
    heard = [[part for part in parts if part[0] != "sound"] for parts in messages]
    body = sent_to(dialect, [parts or [("text", "x")] for parts in heard], tools, schema)
    read = {
        "chat": openai_chat.parse,
        "messages": anthropic_messages.parse,
        "responses": openai_responses.parse,
    }
    request = read[dialect](body).request
    counted = fake_counting.tokens(body, "who-knows")
    assert counted <= most_tokens(request, "who-knows")
    assert request_tokens(request) <= most_tokens(request, "who-knows")


def test_numbers_are_tokens_and_deep_bodies_are_read() -> None:
    assert size_of({"input": [[1, 2, 3], [4]]}).estimated() == 4
    deep: Any = "x" * 40
    for _ in range(900):
        deep = {"content": [deep]}
    assert size_of({"messages": [deep]}).text == 11


def test_what_a_provider_finds_by_itself_is_a_window_at_most() -> None:
    for more in (
        {"tools": [{"type": "web_search"}]},
        {"web_search_options": {}, "tools": [{"type": "web_search_20250305", "name": "w"}]},
        {"previous_response_id": "resp_1"},
        {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "f"}}]}]},
    ):
        assert size_of(more).most(100, "claude-sonnet-4-0") >= 200_000


# -- through the door ----------------------------------------------------------------------------

# A credit for each token.
PRICE = {"input_credits": 1_000_000, "output_credits": 1_000_000}


def price_everything() -> None:
    start = datetime(2020, 1, 1, tzinfo=UTC)
    Price.objects.create(model="", match={"regex": "."}, valid_from=start, **PRICE)


@pytest.fixture
def reserved(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What was put aside for each call that was made."""
    found: list[int] = []
    cover = Purse.cover

    async def watched(purse: Purse, **of: Any) -> None:
        await cover(purse, **of)
        found.append(purse.amount)

    monkeypatch.setattr(Purse, "cover", watched)
    return found


MIXED: list[list[Part]] = [
    [("text", "[[count]] ภาษาไทย 12345"), ("picture", b"png" * 40), ("pages", pdf(3))],
]
MANY_TOOLS = [(f"tool_{n}", "Finds what is asked. " * 9, {"type": "object"}) for n in range(40)]


@pytest.mark.parametrize("kind", ["openai", "anthropic", "google"])
@pytest.mark.parametrize("dialect", ["chat", "messages", "responses"])
async def test_settled_cost_is_never_more_than_was_put_aside(
    api: Api, make_channel: MakeChannel, reserved: list[int], dialect: str, kind: str
) -> None:
    await in_database(make_channel, kind=kind, sends="[[count]]")
    await in_database(price_everything)
    await in_database(make_budget, 100_000_000)
    body = sent_to(dialect, MIXED, MANY_TOOLS, {"type": "object"}) | {
        "max_output_tokens" if dialect == "responses" else "max_tokens": 16
    }
    path = {"chat": "chat/completions"}.get(dialect, dialect)
    answer = await api.post(f"/v1/{path}", body, anthropic_version="2023-06-01")
    assert answer.status_code == 200, answer.text
    (row,) = await log_rows()
    assert row.cost_credits is not None
    assert 40 * 180 + 3 * 4_600 <= row.cost_credits <= reserved[0]


async def test_instructions_of_a_preset_are_put_aside_and_estimated(
    api: Api, alice: User, make_channel: MakeChannel, reserved: list[int]
) -> None:
    def give() -> None:
        preset = Preset.objects.create(
            slug="tutor", name="Tutor", endpoint="openAI", model="m",
            parameters={}, system_message="Be kind. " * 2_000,
        )  # fmt: skip
        Assignment.objects.create(preset=preset, user=alice)

    await in_database(make_channel, sends="[[count]]")
    await in_database(price_everything)
    await in_database(make_budget, 100_000_000)
    await in_database(give)
    answer = await api.chat("[[count]]", model="tutor", max_tokens=9)
    assert answer.status_code == 200, answer.text
    (row,) = await log_rows()
    assert row.cost_credits is not None
    assert 18_000 <= row.cost_credits <= reserved[0]
    await api.chat("[[no-usage]]", model="tutor", max_tokens=9, stream=True)
    row = (await log_rows())[-1]
    assert row.is_estimated
    assert 4_000 < row.input_tokens < 6_000


async def test_many_pictures_at_once_settle_within_the_budget(
    api: Api, make_channel: MakeChannel
) -> None:
    await in_database(make_channel, sends="gpt-4o [[count]]")
    await in_database(price_everything)
    pictures: list[Part] = [("picture", b"png")] * 5
    body = sent_to("chat", [[*pictures, ("text", "What is it?")]], [], {}) | {"max_tokens": 9}
    alone = await api.post("/v1/chat/completions", body)
    cost = alone.json()["usage"]["prompt_tokens"] + 9
    assert cost > 5 * 1_500
    await in_database(make_budget, 10 * cost)
    answers = await asyncio.gather(*(api.post("/v1/chat/completions", body) for _ in range(200)))
    codes = [answer.status_code for answer in answers]
    assert set(codes) == {200, 429}
    await settled()
    period = await only_period()
    assert period.used == codes.count(200) * cost <= 10 * cost


async def test_stream_that_broke_off_pays_for_its_tools_and_pictures(
    api: Api, make_channel: MakeChannel
) -> None:
    await in_database(make_channel, sends="[[cut]] [[chunks:3:0.01]]")
    body = sent_to("chat", [[("picture", b"png"), ("text", "?")]], MANY_TOOLS, {})
    answer = await api.post("/v1/chat/completions", body | {"stream": True})
    assert frames(answer)
    (row,) = await log_rows()
    assert row.is_estimated
    assert row.input_tokens >= 1_600 + 40 * 50


def test_text_that_looks_like_a_picture_is_text() -> None:
    body = chat_body("data:image/png;base64," + "A" * 400)
    assert size_of(body).estimated() > 100
