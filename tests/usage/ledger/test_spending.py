"""Credits put aside, spent, given back: by several processes, some of which die."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from accounts.models import User
from librechat_backend.lib.aio import in_database
from tests.usage.ledger.machine import (
    NOW,
    assert_rows_agree,
    distrust,
    fall_silent,
    finished,
    gathered,
    make_budget,
    pool_of,
    store,
)
from usage.ledger import spending
from usage.ledger.movements import Kind, credit
from usage.ledger.pools import balance_pool
from usage.ledger.refunds import refund
from usage.ledger.refusals import SpendingRefused
from usage.ledger.spending import Spender
from usage.models import Balance, BillingRules, BudgetPeriod, Lease, LedgerEntry
from usage.rows import write_rows

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def spenders() -> AsyncIterator[list[Spender]]:
    made = [Spender(), Spender()]
    yield made
    for spender in made:
        await spender.close()


async def test_calls_at_once_of_two_processes_spend_no_more_than_there_is(
    spenders: list[Spender],
) -> None:
    pool = await in_database(lambda: pool_of(make_budget(100)))

    async def call(number: int) -> None:
        spender = spenders[number % 2]
        reservation = await spender.reserve([pool], wanted=10, least=10)
        await asyncio.sleep(0)
        await store(finished(reservation, 10))

    results = await gathered(call(number) for number in range(60))
    refused = [result for result in results if isinstance(result, SpendingRefused)]
    assert len(refused) == 50
    assert all(isinstance(result, SpendingRefused | None) for result in results)
    period = await in_database(BudgetPeriod.objects.get)
    assert (period.used, period.leased) == (100, 0)
    await in_database(assert_rows_agree)


async def test_all_pools_must_have_enough_else_nothing_is_taken(
    alice: User, spenders: list[Spender]
) -> None:
    pools = await in_database(
        lambda: [pool_of(make_budget(1000)), pool_of(make_budget(5, "user", alice.pk))]
    )
    with pytest.raises(SpendingRefused) as refused:
        await spenders[0].reserve(pools, wanted=10, least=10)
    assert refused.value.pool == pools[1]
    assert not await in_database(Lease.objects.exists)
    await in_database(assert_rows_agree)


async def test_rest_is_taken_when_it_is_less_than_wanted_but_enough(
    spenders: list[Spender],
) -> None:
    pool = await in_database(lambda: pool_of(make_budget(30)))
    reservation = await spenders[0].reserve([pool], wanted=100, least=20)
    assert reservation.amount == 30
    with pytest.raises(SpendingRefused) as refused:
        await spenders[1].reserve([pool], wanted=100, least=20)
    assert refused.value.is_busy
    assert refused.value.retry_after_seconds(NOW) == 5
    await store(finished(reservation, 29))
    with pytest.raises(SpendingRefused, match="is used up") as refused:
        await spenders[0].reserve([pool], wanted=100, least=2)
    assert not refused.value.is_busy
    assert "It begins anew at 2026-04-01 00:00 UTC" in str(refused.value)


async def test_most_calls_ask_nobody(
    spenders: list[Spender], monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = await in_database(lambda: pool_of(make_budget(6000)))
    await spenders[0].reserve([pool], wanted=1, least=1)

    async def nobody(*_: Any, **__: Any) -> None:
        raise AssertionError("The database was asked.")

    with monkeypatch.context() as patched:
        patched.setattr(spending, "in_database", nobody)
        for _ in range(99):
            await spenders[0].reserve([pool], wanted=1, least=1)
        with pytest.raises(AssertionError):
            await spenders[0].reserve([pool], wanted=1, least=1)


async def test_blocks_go_back_when_nobody_needs_them(
    spenders: list[Spender], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spending, "HOLD_SECONDS", 0.0)
    monkeypatch.setattr(spending, "TEND_SECONDS", 0.01)
    pool = await in_database(lambda: pool_of(make_budget(6000)))
    reservation = await spenders[0].reserve([pool], wanted=10, least=10)
    await store(finished(reservation, 4))
    async with asyncio.timeout(20):
        while await in_database(Lease.objects.exists):
            await asyncio.sleep(0.02)
    period = await in_database(BudgetPeriod.objects.get)
    assert (period.used, period.leased) == (4, 0)


async def test_lease_of_a_dead_process_is_given_to_who_needs_it(
    spenders: list[Spender],
) -> None:
    dead, alive = spenders
    pool = await in_database(lambda: pool_of(make_budget(50)))
    await dead.reserve([pool], wanted=50, least=50)
    with pytest.raises(SpendingRefused):
        await alive.reserve([pool], wanted=50, least=50)
    await in_database(fall_silent, dead)
    reservation = await alive.reserve([pool], wanted=50, least=50)
    await store(finished(reservation, 50))
    period = await in_database(BudgetPeriod.objects.get)
    assert (period.used, period.leased) == (50, 0)


async def test_slow_process_does_not_spend_what_it_lost(spenders: list[Spender]) -> None:
    slow, other = spenders
    pool = await in_database(lambda: pool_of(make_budget(50)))
    before = await slow.reserve([pool], wanted=30, least=30)
    (await slow.reserve([pool], wanted=20, least=20)).release()
    await in_database(fall_silent, slow)
    distrust(slow)
    await store(finished(await other.reserve([pool], wanted=20, least=20), 20))
    with pytest.raises(SpendingRefused):
        await other.reserve([pool], wanted=31, least=31)
    with pytest.raises(SpendingRefused):
        await slow.reserve([pool], wanted=31, least=31)
    # What it had begun is owed all the same.
    await store(finished(before, 30))
    period = await in_database(BudgetPeriod.objects.get)
    assert period.used == 50
    await in_database(assert_rows_agree)


async def test_slow_process_keeps_its_lease_when_it_asks_before_others_do(
    spenders: list[Spender],
) -> None:
    slow, dead = spenders
    pool = await in_database(lambda: pool_of(make_budget(50)))
    before = await slow.reserve([pool], wanted=20, least=20)
    await dead.reserve([pool], wanted=30, least=30)
    for spender in spenders:
        await in_database(fall_silent, spender)
        distrust(spender)
    after = await slow.reserve([pool], wanted=30, least=30)
    await in_database(assert_rows_agree)
    with pytest.raises(SpendingRefused):
        await slow.reserve([pool], wanted=1, least=1)
    await store(finished(before, 20), finished(after, 30))
    period = await in_database(BudgetPeriod.objects.get)
    assert (period.used, period.leased) == (50, 0)


async def test_refund_counts_once_when_two_pay_it_back_at_once(
    alice: User, spenders: list[Spender]
) -> None:
    def begin() -> Any:
        BillingRules.objects.create(has_balances=True, start_credits=100)
        return [pool_of(make_budget(100)), balance_pool(alice.pk)]

    pools = await in_database(begin)
    reservation = await spenders[0].reserve(pools, wanted=60, least=60)
    entry = finished(reservation, 60, alice.pk)
    await store(entry)
    back = await gathered(
        in_database(refund, entry_id=entry.id, reason="A bad answer.", by=None) for _ in range(8)
    )
    assert len({each.pk for each in back}) == 1
    balance = await in_database(Balance.objects.get)
    period = await in_database(BudgetPeriod.objects.get)
    assert (balance.credits, period.used) == (100, 0)
    assert (await spenders[1].reserve(pools, wanted=90, least=90)).amount == 90
    await in_database(assert_rows_agree)


async def test_call_that_costs_more_than_put_aside_is_paid_whole(
    alice: User, spenders: list[Spender]
) -> None:
    def begin() -> None:
        BillingRules.objects.create(has_balances=True, start_credits=100)

    await in_database(begin)
    reservation = await spenders[0].reserve([balance_pool(alice.pk)], wanted=90, least=90)
    await store(finished(reservation, 130, alice.pk))
    balance = await in_database(Balance.objects.get)
    assert (balance.credits, balance.leased) == (-30, 0)
    await in_database(assert_rows_agree)


async def test_row_that_is_written_twice_is_paid_once(alice: User, spenders: list[Spender]) -> None:
    pool = await in_database(lambda: pool_of(make_budget(100)))
    entry = finished(await spenders[0].reserve([pool], wanted=9, least=9), 7, alice.pk)
    await store(entry, entry)
    await store(entry)
    assert await in_database(LedgerEntry.objects.count) == 1
    period = await in_database(BudgetPeriod.objects.get)
    assert period.used == 7


async def test_row_the_log_refuses_is_paid_all_the_same(
    alice: User, spenders: list[Spender]
) -> None:
    pool = await in_database(lambda: pool_of(make_budget(100)))
    entry = finished(await spenders[0].reserve([pool], wanted=9, least=9), 7, alice.pk)
    entry.http_status = None  # type: ignore[assignment]
    await in_database(write_rows, [entry])
    period = await in_database(BudgetPeriod.objects.get)
    assert period.used == 7


async def test_call_is_paid_from_the_window_it_began_in(spenders: list[Spender]) -> None:
    budget = await in_database(lambda: make_budget(100, window="day"))
    today = await in_database(lambda: pool_of(budget))
    tomorrow = await in_database(lambda: pool_of(budget, NOW + timedelta(days=1)))
    late = await spenders[0].reserve([today], wanted=90, least=90)
    await store(finished(await spenders[0].reserve([tomorrow], wanted=95, least=95), 95))
    await store(finished(late, 80))
    used = await in_database(
        lambda: list(BudgetPeriod.objects.order_by("starts_at").values_list("used", flat=True))
    )
    assert used == [80, 95]


async def test_limit_that_is_lowered_counts_at_once(spenders: list[Spender]) -> None:
    budget = await in_database(lambda: make_budget(6000))
    pool = await in_database(lambda: pool_of(budget))
    await store(finished(await spenders[0].reserve([pool], wanted=50, least=50), 50))

    def lower() -> Any:
        budget.limit_credits = 60
        budget.save()
        return pool_of(budget)

    lowered = await in_database(lower)
    with pytest.raises(SpendingRefused):
        await spenders[0].reserve([lowered], wanted=11, least=11)
    await spenders[0].reserve([lowered], wanted=10, least=10)
    # The rest of the block it took under the old limit is gone.
    with pytest.raises(SpendingRefused):
        await spenders[0].reserve([lowered], wanted=1, least=1)
    await in_database(assert_rows_agree)


async def test_balance_is_refilled_once_when_many_find_it_used_up(
    alice: User, spenders: list[Spender]
) -> None:
    def begin() -> None:
        BillingRules.objects.create(
            has_balances=True, start_credits=0, auto_refill=True, refill_credits=1000
        )
        credit(user=alice, amount=5, kind=Kind.VOUCHER, reason="")
        Balance.objects.update(last_refill_at=NOW - timedelta(days=3000))

    await in_database(begin)
    pool = balance_pool(alice.pk)
    results = await gathered(
        spenders[number % 2].reserve([pool], wanted=10, least=10) for number in range(40)
    )
    assert not [result for result in results if isinstance(result, BaseException)]
    refills = await in_database(LedgerEntry.objects.filter(kind="refill").count)
    assert refills == 1
    with pytest.raises(SpendingRefused, match="Your credits do not suffice"):
        await spenders[0].reserve([pool], wanted=2000, least=2000)
    await in_database(assert_rows_agree)


async def test_cancelled_call_leaves_nothing_put_aside(spenders: list[Spender]) -> None:
    pool = await in_database(lambda: pool_of(make_budget(100)))
    task = asyncio.create_task(spenders[0].reserve([pool], wanted=100, least=100))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await spenders[0].reserve([pool], wanted=100, least=100)).amount == 100
