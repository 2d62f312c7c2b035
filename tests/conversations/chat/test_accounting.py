"""Turns of the chat in the log of requests: one row for each, whatever became of it."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from accounts.models import Group, User
from accounts.services.groups import add_member
from conversations.chat.runtime import get_jobs
from conversations.models import Message
from librechat_backend.lib.aio import in_database
from providers.errors import ErrorKind, ProviderError
from providers.types import TextDelta, Usage
from tests.conversations.chat.scripted import ChatClient, ScriptedAdapter
from usage.models import BillingRules, Price, RequestContent, RequestLog
from usage.recorder import get_recorder

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _no_titles(settings: Any) -> None:
    settings.TITLE_CONVO = False


async def rows(operation: str = "chat") -> list[RequestLog]:
    await get_recorder().flush()
    return await in_database(lambda: list(RequestLog.objects.filter(operation=operation)))


async def test_turn_is_logged_when_it_ends(
    model: ScriptedAdapter, client: ChatClient, alice: User
) -> None:
    started = await client.start()
    model.say(TextDelta("At noon."))
    model.finish(usage=Usage(20, 9, cache_read_tokens=5, reasoning_tokens=2))
    await client.final(started)
    (row,) = await rows()
    assert (row.face, row.status, row.user_id) == ("chat", "ok", alice.id)
    assert (row.requested_model, row.served_model, row.endpoint) == ("gpt-4.1",) * 2 + ("openAI",)
    assert (row.input_tokens, row.output_tokens) == (20, 9)
    assert (row.cache_read_tokens, row.reasoning_tokens) == (5, 2)
    assert (row.channel_id, row.is_estimated) == ("environment:openai", False)
    assert [attempt["error"] for attempt in row.attempts] == [""]
    assert row.conversation_id == started["conversationId"]
    assert row.first_token_ms is not None
    assert 0 <= row.first_token_ms <= row.total_ms
    assert not await in_database(RequestContent.objects.exists)


async def add_price(**known: Any) -> Price:
    fields = {
        "model": "gpt-4.1", "kind": "openai", "valid_from": datetime(2020, 1, 1, tzinfo=UTC),
        "input_credits": 2_000_000, "output_credits": 8_000_000, "cache_read_credits": 500_000,
    }  # fmt: skip
    return await in_database(lambda: Price.objects.create(**{**fields, **known}))


async def test_turn_costs_what_its_model_costs(model: ScriptedAdapter, client: ChatClient) -> None:
    price = await add_price()
    started = await client.start()
    model.say(TextDelta("At noon."))
    model.finish(usage=Usage(20, 9, cache_read_tokens=5))
    final = await client.final(started)
    (row,) = await rows()
    assert (row.cost_credits, row.price_id) == (15 * 2 + 3 + 9 * 8, price.id)
    assert row.message_id == final["responseMessage"]["messageId"]


async def test_turn_of_a_model_without_price_is_unpriced(
    model: ScriptedAdapter, client: ChatClient
) -> None:
    await add_price(model="gpt-4")
    model.answer("Yes.")
    await client.final(await client.start())
    (row,) = await rows()
    assert (row.cost_credits, row.price_id, row.input_tokens) == (None, "", 20)


async def test_turn_without_usage_costs_what_is_estimated(
    model: ScriptedAdapter, client: ChatClient
) -> None:
    await add_price()
    model.say(TextDelta("At noon, at noon, at noon."))
    model.fail(ProviderError(ErrorKind.CONNECTION, "gone"))
    await client.final(await client.start())
    (row,) = await rows()
    assert row.is_estimated
    assert row.cost_credits == 2 * row.input_tokens + 8 * row.output_tokens > 0


@pytest.mark.parametrize("nonsense", [-5, "many", None, 1.5, 10**30])
async def test_nonsense_of_a_provider_costs_nobody_an_answer(
    model: ScriptedAdapter, client: ChatClient, nonsense: Any
) -> None:
    await add_price()
    started = await client.start()
    model.say(TextDelta("At noon."))
    model.finish(usage=Usage(nonsense, 9))
    final = await client.final(started)
    assert final["responseMessage"]["content"][0]["text"] == "At noon."
    (row,) = await rows()
    assert row.cost_credits == 72


async def gauge_total(conversation_id: str) -> float:
    """As the client adds it up, of all branches."""
    messages = await in_database(
        lambda: list(Message.objects.filter(conversation__conversation_id=conversation_id))
    )
    usages = [message.metadata["usage"] for message in messages if "usage" in message.metadata]
    return float(round(sum(usage["cost"] for usage in usages), 6))


async def test_gauge_shows_what_the_rows_of_the_chat_cost(
    model: ScriptedAdapter, client: ChatClient, settings: Any
) -> None:
    settings.TITLE_CONVO = True
    await in_database(BillingRules.objects.create, shows_cost=True)
    await add_price(input_credits=2_345_678)
    started = await client.start()
    model.answer("Yes.")
    first = await client.final(started)
    conversation_id = started["conversationId"]
    reply = {"conversationId": conversation_id}
    reply["parentMessageId"] = first["responseMessage"]["messageId"]
    model.say(TextDelta("At noon, at noon."))
    model.fail(ProviderError(ErrorKind.CONNECTION, "gone"))
    await client.final(await client.start(**reply))
    model.fail(ProviderError(ErrorKind.CONTENT_FILTER, "No", status=400))
    await client.final(await client.start(**reply))
    started = await client.start(**reply)
    model.say(TextDelta("At"))
    exchange = client.stream(started)
    await exchange.frames(3)
    await client.post("/api/agents/chat/abort", {"conversationId": conversation_id})
    await exchange.rest()
    model.give_title("Tides")  # long after the answer
    async with asyncio.timeout(10):
        while not await rows("title"):
            await asyncio.sleep(0.01)
        logged = [*await rows(), *await rows("title")]
        cost = sum(row.cost_credits or 0 for row in logged)
        while round(1_000_000 * await gauge_total(conversation_id)) != cost:
            await asyncio.sleep(0.01)
    costs = sorted((row.operation, row.status, bool(row.cost_credits)) for row in logged)
    assert costs == [
        ("chat", "failed", False), ("chat", "ok", True), ("chat", "partial", True),
        ("chat", "stopped", True), ("title", "ok", True),
    ]  # fmt: skip


@pytest.mark.parametrize(("is_shown", "is_priced"), [(True, True), (True, False), (False, True)])
async def test_event_tells_the_cost_where_it_is_shown_and_known(
    model: ScriptedAdapter, client: ChatClient, is_shown: bool, is_priced: bool
) -> None:
    await in_database(BillingRules.objects.create, shows_cost=is_shown)
    await add_price(model="gpt-4.1" if is_priced else "other")
    started = await client.start()
    model.say(TextDelta("At noon."))
    model.finish(usage=Usage(20, 9))
    exchange = client.stream(started)
    frames = [payload for _, payload in await exchange.rest()]
    (used,) = [f["data"] for f in frames if f.get("event") == "on_token_usage"]
    kept = frames[-1]["responseMessage"]["metadata"]["usage"]
    expected = 0.000112 if is_shown and is_priced else None
    assert (used.get("cost"), kept.get("cost")) == (expected, expected)


async def test_failed_turn_is_logged_with_its_reason(
    model: ScriptedAdapter, client: ChatClient
) -> None:
    await add_price()
    model.fail(ProviderError(ErrorKind.CONTENT_FILTER, "No: sk-very-secret-key", status=400))
    await client.final(await client.start())
    (row,) = await rows()
    assert (row.status, row.error, row.first_token_ms) == ("failed", "content_filter", None)
    assert row.attempts[0]["error"] == "content_filter 400"
    assert (row.input_tokens, row.output_tokens) == (0, 0)
    assert (row.cost_credits, row.price_id) == (0, "")


async def test_broken_turn_is_estimated(model: ScriptedAdapter, client: ChatClient) -> None:
    model.say(TextDelta("At noon, at noon, at noon."))
    model.fail(ProviderError(ErrorKind.CONNECTION, "gone"))
    await client.final(await client.start())
    (row,) = await rows()
    assert (row.status, row.error, row.is_estimated) == ("partial", "connection", True)
    assert row.output_tokens == 8
    assert row.input_tokens > 0


async def test_stopped_turn_is_logged(model: ScriptedAdapter, client: ChatClient) -> None:
    started = await client.start()
    model.say(TextDelta("At"))
    await asyncio.wait_for(model.asked.acquire(), 10)
    exchange = client.stream(started)
    await exchange.frames(3)
    await client.post("/api/agents/chat/abort", {"conversationId": started["conversationId"]})
    await exchange.rest()
    (row,) = await rows()
    assert (row.status, row.error, row.is_estimated) == ("stopped", "", True)
    assert row.output_tokens == 1


async def test_groups_are_logged_nearest_first(
    model: ScriptedAdapter, client: ChatClient, alice: User
) -> None:
    company = await in_database(Group.objects.create, name="Company", slug="company")
    team = await in_database(Group.objects.create, name="Team", slug="team", parent=company)
    await in_database(add_member, actor=None, group=team, user=alice)
    model.answer("Yes.")
    await client.final(await client.start())
    (row,) = await rows()
    assert [group["name"] for group in row.groups] == ["Team", "Company"]


async def test_title_is_logged_beside_the_answer(
    model: ScriptedAdapter, client: ChatClient, settings: Any
) -> None:
    settings.TITLE_CONVO, settings.TITLE_MODEL = True, "gpt-4.1-mini"
    await add_price(model="gpt-4.1-mini")
    model.answer("Yes.")
    model.give_title("Tides")
    await client.final(await client.start())
    jobs = await get_jobs()
    async with asyncio.timeout(10):
        while not jobs.titling.is_idle:
            await asyncio.sleep(0.01)
    (row,) = await rows("title")
    assert (row.requested_model, row.status) == ("gpt-4.1-mini", "ok")
    assert (row.is_estimated, row.output_tokens) == (True, 2)
    assert row.cost_credits == 2 * row.input_tokens + 8 * row.output_tokens
    (turn,) = await rows()
    assert (row.message_id, turn.cost_credits) == (turn.message_id, None)
