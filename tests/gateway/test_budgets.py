"""Budgets and balances at the API: who is refused, in which words, and what is paid in the end."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from django.db.models import Sum
from django.test import AsyncClient

from accounts.models import User
from gateway.models import ApiToken
from librechat_backend.lib.aio import in_database
from presets.models import Preset
from tests.gateway.conftest import Api, MakeChannel, chat_body, log_rows
from tests.providers.conftest import Fake
from tests.usage.ledger.machine import assert_rows_agree, make_budget
from usage.ledger import spending
from usage.ledger.movements import adjust
from usage.ledger.spending import close_spender
from usage.models import Balance, BillingRules, Budget, BudgetPeriod, LedgerEntry, Price
from usage.recorder import get_recorder

# 20 tokens in and 9 out, a credit each, as the fake provider says; the text is some more.
COST = 29
TEXT = "What is the answer to everything there is, and to what is not? Speak plainly."


async def price(**fields: Any) -> None:
    known = {"input_credits": 1_000_000, "output_credits": 1_000_000, **fields}
    start = datetime(2020, 1, 1, tzinfo=UTC)
    await in_database(lambda: Price.objects.create(model="gpt-fake", valid_from=start, **known))


async def ask(api: Api, **fields: Any) -> httpx.Response:
    return await api.post("/v1/chat/completions", chat_body(TEXT, **{"max_tokens": 9, **fields}))


async def only_period() -> BudgetPeriod:
    return await in_database(BudgetPeriod.objects.get)


async def settled() -> None:
    """All is written and given back."""
    await get_recorder().flush()
    await close_spender()
    await in_database(assert_rows_agree)


async def test_many_at_once_settle_within_the_budget(api: Api, make_channel: MakeChannel) -> None:
    await in_database(make_channel)
    await price()
    await in_database(lambda: make_budget(10 * COST))
    answers = await asyncio.gather(*(ask(api) for _ in range(200)))
    codes = [answer.status_code for answer in answers]
    assert set(codes) == {200, 429}
    await settled()
    period = await only_period()
    assert period.used == codes.count(200) * COST <= 10 * COST
    assert period.leased == 0
    paid = await in_database(lambda: LedgerEntry.objects.aggregate(total=Sum("cost"))["total"])
    assert paid == period.used


async def test_refusal_names_the_budget_its_owner_and_when_it_begins_anew(
    api: Api, make_channel: MakeChannel, fake: Fake
) -> None:
    await in_database(make_channel)
    await price()
    token = await in_database(ApiToken.objects.get)
    await in_database(lambda: make_budget(59, "token", token.pk, name="Tests", window="day"))
    assert (await ask(api)).status_code == 200
    await get_recorder().flush()
    answer = await ask(api)
    assert answer.status_code == 429
    error = answer.json()["error"]
    assert (error["code"], error["type"]) == ("insufficient_quota", "rate_limit_error")
    assert error["message"].startswith(
        "The budget “Tests” of the API key test is used up: 0.000029 USD of 0.000059 USD are used."
        " It begins anew at "
    )
    assert 0 < int(answer.headers["retry-after"]) <= 86_400
    assert len(fake.received()) == 1
    row = (await log_rows())[-1]
    assert (row.status, row.error) == ("refused", "insufficient_quota")
    assert (row.cost_credits, row.attempts) == (0, [])
    anthropic = await api.post(
        "/v1/messages", chat_body(TEXT, max_tokens=9), anthropic_version="2023-06-01"
    )
    assert anthropic.json()["error"]["type"] == "rate_limit_error"


async def test_no_credits_left_is_402(api: Api, alice: User, make_channel: MakeChannel) -> None:
    await in_database(make_channel)
    await price()
    await in_database(
        lambda: BillingRules.objects.create(has_balances=True, start_credits=COST + 2)
    )
    assert (await ask(api)).status_code == 200
    await settled()
    assert (await in_database(Balance.objects.get)).credits == 2
    answer = await ask(api)
    assert (answer.status_code, answer.json()["error"]["code"]) == (402, "insufficient_quota")
    assert answer.json()["error"]["type"] == "insufficient_quota"
    assert "retry-after" not in answer.headers
    await in_database(lambda: adjust(user=alice, amount=1000, reason="a gift", by=None))
    assert (await ask(api)).status_code == 200


async def test_another_channel_answers_when_the_budget_of_one_is_used_up(
    api: Api, make_channel: MakeChannel
) -> None:
    first = await in_database(make_channel, priority=1)
    await in_database(make_channel, "second")
    await price()
    await in_database(lambda: make_budget(59, "channel", first.pk))
    for name in ("first", "second"):
        assert (await ask(api)).status_code == 200
        assert (await log_rows())[-1].channel_name == name
    assert (await only_period()).used == COST


async def test_model_without_a_price_is_refused_where_the_rules_say_so(
    api: Api, make_channel: MakeChannel, fake: Fake
) -> None:
    await in_database(make_channel)
    assert (await ask(api)).status_code == 200
    await in_database(lambda: BillingRules.objects.create(unpriced="refuse"))
    answer = await ask(api)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "no_price")
    assert answer.json()["error"]["message"].startswith("gpt-fake has no price")
    assert len(fake.received()) == 1


async def test_free_model_answers_when_nothing_is_left(api: Api, make_channel: MakeChannel) -> None:
    await in_database(make_channel)
    await price(input_credits=0, output_credits=0)
    await in_database(lambda: make_budget(0))
    assert (await ask(api)).status_code == 200


@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize(
    "marker",
    [
        "", "[[no-usage]]", "[[length]]", "[[reasoning]]", "[[tool]]", "[[status:500]]",
        "[[context]]", "[[error-frame]] [[chunks:5:0.01]]", "[[cut]] [[chunks:5:0.01]]",
        "[[malformed]] [[chunks:5:0.01]]", "[[no-end]] [[chunks:5:0.01]]", "[[silence]]",
        "[[ignore-stream]]", "[[split-utf8]]",
    ],
)  # fmt: skip
async def test_entries_add_up_to_what_the_balance_lost_whatever_the_provider_does(
    api: Api, make_channel: MakeChannel, marker: str, is_stream: bool
) -> None:
    await in_database(make_channel, sends=marker or "gpt-fake", idle_timeout_seconds=1)
    await in_database(
        lambda: Price.objects.create(
            model="", match={"regex": "."}, valid_from=datetime(2020, 1, 1, tzinfo=UTC),
            input_credits=1_000_000, output_credits=1_000_000,
        )
    )  # fmt: skip
    await in_database(lambda: BillingRules.objects.create(has_balances=True, start_credits=10_000))
    await in_database(lambda: make_budget(10_000))
    await ask(api, stream=is_stream)
    (row,) = await log_rows()
    await settled()
    balance, period = await in_database(Balance.objects.get), await only_period()
    assert (balance.leased, period.leased) == (0, 0)
    assert 10_000 - balance.credits == period.used == row.cost_credits
    assert bool(row.cost_credits) is (row.first_token_ms is not None)


async def test_calls_ask_the_database_for_credits_rarely(
    api: Api, make_channel: MakeChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    await in_database(make_channel)
    await price()
    await in_database(lambda: make_budget(1_000_000))
    draws = []

    async def counted(function: Any, *args: Any, **kwargs: Any) -> Any:
        draws.append(function.__name__)
        return await in_database(function, *args, **kwargs)

    monkeypatch.setattr(spending, "in_database", counted)
    monkeypatch.setattr(spending, "HOLD_SECONDS", 600.0)
    for _ in range(30):
        assert (await ask(api)).status_code == 200
    assert draws.count("draw") == 1


async def test_credits_tells_what_is_left_on_the_way_of_the_key(
    api: Api, alice: User, make_channel: MakeChannel
) -> None:
    await in_database(make_channel)
    await price()
    await in_database(lambda: make_budget(2_000_000, name="All", window="total"))
    await in_database(lambda: make_budget(1_000_000, "user", alice.pk))
    await in_database(lambda: make_budget(1, "user", "somebody else"))
    assert (await ask(api)).status_code == 200
    await settled()
    told = (await api.get("/v1/credits")).json()
    assert told["data"] == {"remaining_usd": (1_000_000 - COST) / 1_000_000}
    everyone, own = told["limits"]
    assert (everyone["name"], everyone["used"], everyone["resetsAt"]) == ("All", COST, None)
    assert (own["owner"], own["limit"], own["remaining"]) == ("you", 1_000_000, 1_000_000 - COST)
    assert told["tightest"] == own["key"]
    assert await in_database(Budget.objects.count) == 3


async def test_trying_a_preset_in_the_administration_is_paid_from_budgets_too(
    api: Api, make_channel: MakeChannel, admin_user: User
) -> None:
    await in_database(make_channel)
    await price(input_credits=0, output_credits=0, request_credits=100)
    budget = await in_database(make_budget, 250, "preset", "tutor")
    preset = await in_database(
        lambda: Preset.objects.create(slug="tutor", name="Tutor", endpoint="openAI", model="m")
    )
    browser = AsyncClient()
    await in_database(browser.force_login, admin_user)

    async def ask() -> str:
        address = f"/admin/presets/preset/{preset.pk}/try/answer/"
        answer = await browser.post(address, {"prompt": "Hello"})
        chunks = [chunk async for chunk in answer.streaming_content]  # type: ignore[attr-defined]
        return b"".join(chunks).decode()

    for _ in range(2):
        assert "⚠" not in await ask()
    await get_recorder().flush()
    assert "⚠ The budget of the preset tutor is used up" in await ask()
    await get_recorder().flush()
    period = await in_database(BudgetPeriod.objects.get, budget=budget)
    assert period.used == 200
