"""At the API, too, a preset answers instead where a budget is used up that names it."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import pytest

from gateway.models import ApiToken
from librechat_backend.lib.aio import in_database
from presets.models import Assignment
from presets.services import save_preset
from tests.gateway.conftest import Api, MakeChannel, chat_body, frames, log_rows, text_of
from tests.providers.conftest import Fake
from tests.usage.ledger.machine import assert_rows_agree, make_budget
from usage.ledger.spending import close_spender
from usage.models import Budget, Price
from usage.recorder import get_recorder

TEXT = "What is the answer to everything there is, and to what is not? Speak plainly."


def give(slug: str, model: str) -> None:
    fields = {"slug": slug, "name": slug.title(), "endpoint": "openAI", "model": model}
    Assignment.objects.create(preset=save_preset(actor=None, preset=None, fields=fields))


@pytest.fixture(autouse=True)
async def _priced(api: Api, make_channel: MakeChannel) -> None:
    """A credit for each token of the big model; the small one is for nothing."""

    def make() -> None:
        make_channel(model_names=["m", "n"], model_mapping={"m": "gpt-fake", "n": "gpt-small"})
        for model, credits in (("gpt-fake", 1_000_000), ("gpt-small", 0)):
            Price.objects.create(
                model=model, valid_from=datetime(2020, 1, 1, tzinfo=UTC),
                input_credits=credits, output_credits=credits,
            )  # fmt: skip
        give("big", "m")
        give("small", "n")
        make_budget(5, name="All", window="total", fallback_preset="small")

    await in_database(make)


async def ask(api: Api, path: str = "/v1/chat/completions", **fields: Any) -> Any:
    return await api.post(path, chat_body(TEXT, **{"model": "big", "max_tokens": 9, **fields}))


async def settled() -> None:
    await get_recorder().flush()
    await close_spender()
    await in_database(assert_rows_agree)


@pytest.mark.parametrize("model", ["big", "m"])
async def test_other_preset_answers_and_headers_say_so(api: Api, fake: Fake, model: str) -> None:
    answer = await ask(api, model=model)
    assert answer.status_code == 200
    assert answer.headers["x-fallback-preset"] == "small"
    reason = "The budget “All” of everyone is used up: 0.00 USD of 0.000005 USD are used."
    assert unquote(answer.headers["x-fallback-reason"]) == reason
    assert [request["body"]["model"] for request in fake.received()] == ["gpt-small"]
    (row,) = await log_rows()
    assert (row.requested_model, row.preset_slug, row.served_model) == (model, "small", "gpt-small")
    assert (row.routing, row.status) == (f"instead of {model}: {reason}", "ok")
    assert row.cost_credits == 0
    await settled()


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
async def test_streams_fall_back_before_they_begin(api: Api, path: str) -> None:
    answer = await ask(api, path, stream=True)
    assert answer.headers["x-fallback-preset"] == "small"
    if path == "/v1/chat/completions":
        assert text_of(frames(answer)) == "Hello from the fake provider."
    (row,) = await log_rows()
    assert (row.preset_slug, row.status) == ("small", "ok")


async def test_answers_of_the_other_preset_are_not_remembered(api: Api) -> None:
    for _ in range(2):
        answer = await api.post(
            "/v1/chat/completions", chat_body(TEXT, "big", max_tokens=9), x_cache_ttl="60"
        )
        assert answer.headers["x-fallback-preset"] == "small"
    assert [row.cache for row in await log_rows()] == ["", ""]


async def test_refusal_stands_where_the_others_lead_in_a_circle(api: Api, fake: Fake) -> None:
    def make() -> None:
        Price.objects.filter(model="gpt-small").update(input_credits=1_000_000)
        make_budget(0, "preset", "small", window="total", fallback_preset="big")
        token = ApiToken.objects.get()
        token.save()  # what is kept in memory is read again

    await in_database(make)
    answer = await ask(api)
    assert answer.status_code == 402
    assert "“All” of everyone" in answer.json()["error"]["message"]
    assert "x-fallback-preset" not in answer.headers
    assert not fake.received()
    (row,) = await log_rows()
    assert (row.requested_model, row.preset_slug, row.status) == ("big", "big", "refused")
    assert row.routing == ""


async def test_what_no_preset_can_answer_is_refused(api: Api, fake: Fake) -> None:
    body = {"model": "m", "input": TEXT}
    answer = await api.post("/v1/embeddings", body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (402, "insufficient_quota")
    assert not fake.received()


async def test_budget_of_a_channel_names_who_answers(api: Api, fake: Fake) -> None:
    def make() -> None:
        channel = next(iter(Budget.objects.all()))
        channel.owner_kind, channel.owner_id = "channel", channel_id()
        channel.save()

    await in_database(make)
    answer = await ask(api)
    assert answer.headers["x-fallback-preset"] == "small"


def channel_id() -> str:
    from providers.models import Channel

    return str(Channel.objects.get().pk)
