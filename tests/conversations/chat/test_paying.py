"""What a turn of the chat is paid from: settled before its last event, once, whatever happens."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.models import User
from conversations.chat import accounting
from conversations.chat.runtime import get_jobs
from conversations.models import Generation, Memory
from librechat_backend.lib import json
from librechat_backend.lib.aio import in_database
from providers import failover
from providers.models import Channel
from providers.services import add_key, save_channel
from providers.types import TextDelta, Usage
from tests.conversations.chat.scripted import ChatClient, ScriptedAdapter, titles_are_made
from tests.conversations.chat.test_memory_agent import ListeningAdapter, listener  # noqa: F401
from tests.usage.ledger.machine import assert_rows_agree, make_budget
from usage.ledger.refusals import SpendingRefused
from usage.ledger.spending import Reservation, Spender, close_spender
from usage.limits import Grant, Limit, close_limiter
from usage.models import Balance, BillingRules, BudgetPeriod, LedgerEntry, Price, RequestLog
from usage.recorder import close_recorder, get_recorder
from usage.usd import dollars

pytestmark = pytest.mark.django_db(transaction=True)
START = 10_000


@pytest.fixture(autouse=True)
async def _priced(settings: Any) -> Any:
    """A credit for each token, and balances."""
    settings.TITLE_CONVO = False

    def make() -> None:
        Price.objects.create(
            model="gpt-4.1", valid_from=datetime(2020, 1, 1, tzinfo=UTC),
            input_credits=1_000_000, output_credits=1_000_000,
        )  # fmt: skip
        BillingRules.objects.create(has_balances=True, start_credits=START)

    await in_database(make)
    yield
    await close_recorder()
    await close_spender()


async def balance() -> Balance:
    return await in_database(Balance.objects.get)


async def settled_cost() -> int:
    """What the one request cost, as its row, its entry, the balance and the budget say."""
    row, entry = (
        await in_database(RequestLog.objects.get),
        await in_database(LedgerEntry.objects.filter(kind="usage").get),
    )
    assert row.cost_credits == entry.cost == -entry.amount
    assert (row.pk, row.message_id) == (entry.pk, entry.message_id)
    assert (await balance()).credits == START - entry.cost
    await in_database(assert_rows_agree)
    return int(entry.cost)


async def test_turn_is_paid_when_its_last_event_is_told(
    model: ScriptedAdapter, client: ChatClient
) -> None:
    await in_database(lambda: make_budget(5_000))
    started = await client.start()
    model.say(TextDelta("At noon."))
    model.finish(usage=Usage(20, 9))
    await client.final(started)
    assert await settled_cost() == 29
    assert (await in_database(BudgetPeriod.objects.get)).used == 29


async def test_one_chat_costs_the_same_wherever_it_is_shown(
    model: ScriptedAdapter,
    client: ChatClient,
    alice: User,
    admin_user: User,
    client_for: Callable[[User], Client],
) -> None:
    await in_database(lambda: BillingRules.objects.update(shows_cost=True))
    started = await client.start()
    model.say(TextDelta("At noon."))
    model.finish(usage=Usage(20, 9))
    frames = [frame for _, frame in await client.stream(started).rest()]
    gauge = [frame["data"]["cost"] for frame in frames if frame.get("event") == "on_token_usage"]
    stored = frames[-1]["responseMessage"]["metadata"]["usage"]["cost"]
    cost = await settled_cost()
    assert gauge == [stored] == [cost / 1_000_000]

    def told_elsewhere() -> tuple[int, int, int, str]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT SUM(cost_credits) FROM v_usage_daily")
            (by_day,) = cursor.fetchone()
            cursor.execute("SELECT cost_credits FROM v_cost_by_conversation")
            (by_chat,) = cursor.fetchone()
        credits = client_for(alice).get("/api/balance").json()["tokenCredits"]
        admin = Client()
        admin.force_login(admin_user)
        page = admin.get(reverse("admin:usage_requestlog_changelist")).content.decode()
        return int(by_day), int(by_chat), START - credits, page

    by_day, by_chat, paid, page = await in_database(told_elsewhere)
    assert (by_day, by_chat, paid) == (cost, cost, cost)
    assert dollars(cost) in page


async def test_stopped_turn_pays_for_what_was_delivered(
    model: ScriptedAdapter, client: ChatClient
) -> None:
    started = await client.start()
    model.say(TextDelta("At noon, I suppose."))
    await client.stream(started).frames(4)
    await client.post("/api/agents/chat/abort", {"conversationId": started["conversationId"]})
    assert await settled_cost() > 6
    (row,) = await in_database(lambda: list(RequestLog.objects.all()))
    assert (row.status, row.is_estimated) == ("stopped", True)


async def test_turn_without_credits_hears_it_in_the_words_of_the_client(
    model: ScriptedAdapter, client: ChatClient, alice: User
) -> None:
    await in_database(lambda: BillingRules.objects.update(start_credits=3))
    final = await client.final(await client.start())
    told = json.loads(final["responseMessage"]["text"])
    assert told["type"] == "token_balance"
    assert (told["balance"], told["tokenCost"] > told["promptTokens"] > 0) == (3, True)
    assert final["responseMessage"]["error"] is True
    assert not model.requests
    await get_recorder().flush()
    row = await in_database(RequestLog.objects.get)
    assert (row.status, row.error, row.cost_credits) == ("refused", "budget", 0)


async def test_turn_beyond_a_budget_hears_whose_it_is(
    model: ScriptedAdapter, client: ChatClient, alice: User
) -> None:
    await in_database(lambda: make_budget(5, "user", alice.pk, name="Trial", window="total"))
    final = await client.final(await client.start())
    text = final["responseMessage"]["text"]
    assert text == "The budget “Trial” of you is used up: 0.00 USD of 0.000005 USD are used."


async def test_second_of_two_columns_hears_that_the_first_holds_what_is_left(
    model: ScriptedAdapter, client: ChatClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounting, "PATIENCE_SECONDS", 0.0)
    await in_database(lambda: BillingRules.objects.update(start_credits=50))
    added = {"endpoint": "openAI", "model": "gpt-4.1"}
    started = await client.start(addedConvo=added)
    await model.asked.acquire()
    model.answer("At noon.")
    parts = (await client.final(started))["responseMessage"]["content"]
    assert [part["type"] for part in parts] == ["text", "error"]
    assert parts[1]["error"] == (
        "What is left of your credits is put aside for requests in progress. Try again in a moment."
    )


async def test_title_is_paid_too(model: ScriptedAdapter, client: ChatClient, settings: Any) -> None:
    settings.TITLE_CONVO = True
    settings.TITLE_MODEL = ""
    model.give_title("Noon")
    model.answer("At noon.")
    started = await client.start()
    await client.final(started)
    await titles_are_made()
    await close_recorder()
    kinds = await in_database(
        lambda: set(LedgerEntry.objects.filter(kind="usage").values_list("operation", flat=True))
    )
    assert kinds == {"chat", "title"}
    await in_database(assert_rows_agree)


async def test_the_last_credits_are_for_the_answer_and_the_title_waits_for_what_is_left(
    model: ScriptedAdapter, client: ChatClient, settings: Any
) -> None:
    settings.TITLE_CONVO, settings.TITLE_MODEL = True, ""
    await in_database(lambda: BillingRules.objects.update(start_credits=500))
    started = await client.start()
    async with asyncio.timeout(10):
        await model.asked.acquire()
    model.give_title("Noon")
    model.answer("At noon.")
    final = await client.final(started)
    assert [part["text"] for part in final["responseMessage"]["content"]] == ["At noon."]
    await titles_are_made()
    await close_recorder()
    entries = LedgerEntry.objects.filter(kind="usage").order_by("created_at")
    operations = await in_database(lambda: list(entries.values_list("operation", flat=True)))
    assert operations == ["chat", "title"]
    conversation = (
        await in_database(Generation.objects.select_related("conversation").get)
    ).conversation
    assert conversation.title == "Noon"


async def test_the_last_credits_are_for_the_answer_and_not_for_what_listens_beside_it(
    listener: ListeningAdapter,  # noqa: F811
    client: ChatClient,
    settings: Any,
) -> None:
    settings.MEMORY_MODEL = "gpt-4.1"
    await in_database(lambda: BillingRules.objects.update(start_credits=700))
    listener.calls = [("set_memory", {"key": "hobby", "value": "The person sails."})]
    started = await client.start()
    listener.answer("At noon.")
    final = await client.final(started)
    assert [part["text"] for part in final["responseMessage"]["content"]] == ["At noon."]
    # It had to wait until the answer was paid; then there was enough for it.
    async with asyncio.timeout(10):
        while not await in_database(Memory.objects.exists):
            await asyncio.sleep(0.01)
    await close_recorder()
    entries = LedgerEntry.objects.filter(kind="usage").order_by("created_at")
    operations = await in_database(lambda: list(entries.values_list("operation", flat=True)))
    assert operations == ["chat", "memory"]
    await in_database(assert_rows_agree)


async def test_the_only_place_of_a_channel_is_for_the_answer(
    client: ChatClient, model: ScriptedAdapter, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.PROVIDER_ENVIRONMENT = {}
    settings.TITLE_CONVO, settings.TITLE_MODEL = True, ""
    asked: list[Sequence[Limit]] = []

    async def slow_at_first(limits: Sequence[Limit]) -> Grant:
        asked.append(limits)
        if len(asked) == 1:
            await asyncio.sleep(0.3)  # as long as a title needs to get here
        return await leave(limits)

    def make() -> None:
        channel = Channel(name="one", kind="openai", model_names=["gpt-4.1"], parallel_requests=1)
        save_channel(channel=channel)
        add_key(channel=channel, secret="sk-test")

    leave = failover._leave_for
    monkeypatch.setattr(failover, "_leave_for", slow_at_first)
    await in_database(make)
    started = await client.start()
    model.answer("At noon.")
    final = await client.final(started)
    assert final["responseMessage"]["content"] == [{"type": "text", "text": "At noon."}]
    model.give_title("Noon")
    await titles_are_made()
    await close_limiter()


async def test_second_chat_waits_for_credits_that_the_first_has_put_aside(
    model: ScriptedAdapter, client: ChatClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_refused, reserve = asyncio.Event(), Spender.reserve

    async def seen(*args: Any, **fields: Any) -> Reservation:
        try:
            return await reserve(*args, **fields)
        except SpendingRefused:
            is_refused.set()
            raise

    monkeypatch.setattr(Spender, "reserve", seen)
    await in_database(lambda: BillingRules.objects.update(start_credits=500))
    first = await client.start()
    async with asyncio.timeout(10):
        await model.asked.acquire()
        second = await client.start(messageId="77aa0000-0000-4000-8000-000000000001")
        await is_refused.wait()
    model.answer("At noon.")
    await client.final(first)
    model.answer("At six.")
    final = await client.final(second)
    assert [part["text"] for part in final["responseMessage"]["content"]] == ["At six."]
    assert (await balance()).credits == 500 - 2 * 29


async def test_turn_of_a_dead_process_pays_for_what_it_had_said(
    model: ScriptedAdapter, client: ChatClient
) -> None:
    await in_database(lambda: make_budget(5_000))
    started = await client.start()
    model.say(TextDelta("At noon, I suppose."))
    await client.stream(started).frames(4)
    generation = await in_database(Generation.objects.select_related("conversation").get)
    jobs = await get_jobs()
    await jobs.recover(generation)
    cost = await settled_cost()
    row = await in_database(RequestLog.objects.get)
    assert (row.status, row.is_estimated, row.output_tokens) == ("partial", True, 6)
    assert cost == row.input_tokens + row.output_tokens
    # The one that had only seemed dead counts nothing again.
    model.finish(usage=Usage(2000, 900))
    await jobs.drain(5)
    assert await settled_cost() == cost
