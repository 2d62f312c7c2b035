"""Any sequence of what may happen to balances and budgets, against sums that are easy to see."""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import pytest
from django.db.models import Sum
from django.utils import timezone
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from accounts.models import User
from tests.factories import UserFactory
from tests.usage.ledger.machine import (
    NOW,
    assert_rows_agree,
    distrust,
    fall_silent,
    finished,
    make_budget,
    pool_of,
    store,
)
from usage.ledger import leases, spending
from usage.ledger.movements import adjust, open_balance
from usage.ledger.pools import Pool, balance_pool
from usage.ledger.refunds import refund, refund_of
from usage.ledger.refusals import SpendingRefused
from usage.ledger.spending import Reservation, Spender
from usage.models import Balance, BillingRules, Budget, BudgetPeriod, Lease, LedgerEntry, RequestLog

T = TypeVar("T")
REFILL = 150
# Small ones are used up soon, of large ones whole blocks are taken.
LIMITS = st.sampled_from([60, 300, 6000])


@dataclass(eq=False)
class Call:
    """In progress. ``lease_ids`` by pool; one that is gone does not hold the call's credits."""

    spender: Spender
    pools: list[Pool]
    reservation: Reservation
    lease_ids: dict[str, str]
    amount: int


class Ledger(RuleBasedStateMachine):
    """``spent`` by pool; ``beyond``: what a pool may be overdrawn by, for calls that cost more
    than was put aside, calls of processes that lost their leases, and credits taken away."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.spenders = [Spender(), Spender()]
        self.calls: list[Call] = []
        self.spent: Counter[str] = Counter()
        self.beyond: Counter[str] = Counter()
        self.given, self.refills, self.is_refill_due, self.now = 0, 0, False, NOW

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(coroutine)

    @initialize(start=LIMITS, shared=LIMITS, own=LIMITS)
    def begin(self, start: int, shared: int, own: int) -> None:
        self.given = start
        BillingRules.objects.create(
            has_balances=True, start_credits=start, auto_refill=True, refill_credits=REFILL
        )
        self.person: User = UserFactory.create()
        self.budgets = [make_budget(shared), make_budget(own, "user", self.person.pk, window="day")]
        open_balance(self.person)

    # -- calls ---------------------------------------------------------------------------------

    @rule(process=st.integers(0, 1), wanted=st.integers(1, 120), part=st.sampled_from([1, 2, 10]))
    def reserve(self, process: int, wanted: int, part: int) -> None:
        spender, least = self.spenders[process], -(-wanted // part)
        pools = self.pools()
        try:
            made = self.run(spender.reserve(pools, wanted=wanted, least=least))
        except SpendingRefused:
            self.see_refill()
            assert any(self.reach(pool, spender) < least for pool in pools)
            return
        self.see_refill()
        lease_ids = {holding.pool.key: holding.lease_id for holding in made._holdings}
        self.calls.append(Call(spender, pools, made, lease_ids, made.amount))
        assert least <= made.amount <= wanted
        for pool in pools:
            free = self.limit(pool) - self.spent[pool.key] - self.aside(pool)
            assert free + self.beyond[pool.key] >= 0

    @precondition(lambda self: self.calls)
    @rule(which=st.integers(0), share=st.floats(0, 1), times=st.sampled_from([1, 1, 1, 2]))
    def settle(self, which: int, share: float, times: int) -> None:
        call = self.calls.pop(which % len(self.calls))
        self.pay(call, int(call.amount * share), times)

    @precondition(lambda self: self.calls)
    @rule(which=st.integers(0), more=st.integers(1, 50))
    def settle_more(self, which: int, more: int) -> None:
        call = self.calls.pop(which % len(self.calls))
        for pool in call.pools:
            self.beyond[pool.key] += more
        self.pay(call, call.amount + more, 1)

    def pay(self, call: Call, cost: int, times: int) -> None:
        held = self.held()
        for pool in call.pools:
            if call.lease_ids[pool.key] not in held:
                self.beyond[pool.key] += cost
            self.spent[pool.key] += cost
        entry = finished(call.reservation, cost, self.person.pk)
        for _ in range(times):
            self.run(store(entry))

    @precondition(lambda self: any(self.spent.values()))
    @rule(which=st.integers(0), times=st.sampled_from([1, 2]))
    def refund(self, which: int, times: int) -> None:
        """One that was refunded before changes nothing."""
        entries = LedgerEntry.objects.filter(kind="usage").order_by("created_at", "id")
        entry = entries[which % len(entries)]
        if refund_of(entry) is None:
            self.spent[f"balance:{self.person.pk}"] -= entry.cost
            self.spent.subtract({f"period:{key}": entry.cost for key in entry.periods})
        for _ in range(times):
            refund(entry_id=entry.pk, reason="A bad answer.", by=None)

    # -- processes -----------------------------------------------------------------------------

    @rule(process=st.integers(0, 1))
    def kill(self, process: int) -> None:
        """With what it had not stored."""
        dead, self.spenders[process] = self.spenders[process], Spender()
        self.calls = [call for call in self.calls if call.spender is not dead]
        fall_silent(dead)

    @rule(process=st.integers(0, 1))
    def be_slow(self, process: int) -> None:
        fall_silent(self.spenders[process])
        distrust(self.spenders[process])

    @rule(process=st.integers(0, 1))
    def wake_up(self, process: int) -> None:
        self.spenders[process]._renewed_at = -spending.RENEW_SECONDS
        self.run(self.spenders[process]._renew())

    @rule(process=st.integers(0, 1))
    def give_back_idle(self, process: int) -> None:
        for holding in self.spenders[process]._holdings.values():
            holding.drawn_at = -spending.HOLD_SECONDS
        self.run(self.spenders[process]._give_back_idle())

    # -- people --------------------------------------------------------------------------------

    @rule(amount=st.integers(-100, 100).filter(bool))
    def change_balance(self, amount: int) -> None:
        adjust(user=self.person, amount=amount, reason="By hand.", by=None)
        self.given += amount
        self.beyond[f"balance:{self.person.pk}"] += max(-amount, 0)

    @rule(which=st.integers(0, 1), left=st.sampled_from([-5, 0, 3, 30, 5000]))
    def change_limit(self, which: int, left: int) -> None:
        pool = self.pools()[which]
        gone = self.spent[pool.key] + self.aside(pool)
        self.budgets[which].limit_credits = max(gone + left, 0)
        self.budgets[which].save()
        self.beyond[pool.key] += max(-left, 0)

    @rule()
    def begin_a_day(self) -> None:
        self.now += timedelta(days=1)

    @rule()
    def let_the_refill_be_due(self) -> None:
        past = timezone.now() - timedelta(days=40)
        Balance.objects.update(last_refill_at=past)
        self.is_refill_due = True

    # -- what must be so -----------------------------------------------------------------------

    @invariant()
    def rows_agree(self) -> None:
        assert_rows_agree()
        used = {f"period:{row.pk}": row.used for row in BudgetPeriod.objects.all()}
        balances = {f"balance:{row.pk}": row.credits for row in Balance.objects.all()}
        assert all(used[key] == self.spent[key] for key in used)
        assert all(balances[key] == self.given - self.spent[key] for key in balances)

    def teardown(self) -> None:
        try:
            if hasattr(self, "budgets"):
                self.end()
        finally:
            self.loop.close()
            for model in (RequestLog, LedgerEntry, Lease, Budget, User, BillingRules):
                model.objects.all().delete()

    def end(self) -> None:
        """All leases come back."""
        for call in self.calls:
            self.pay(call, call.amount, 1)
        for spender in self.spenders:
            self.run(spender.close())
        leases.tidy_leases()
        assert not Lease.objects.exists()
        self.rows_agree()
        assert not BudgetPeriod.objects.filter(leased__gt=0).exists()

    def pools(self) -> list[Pool]:
        return [*(pool_of(each, self.now) for each in self.budgets), balance_pool(self.person.pk)]

    def limit(self, pool: Pool) -> int:
        return self.given if pool.budget is None else pool.limit

    def held(self) -> set[str]:
        return set(Lease.objects.values_list("pk", flat=True))

    def aside(self, pool: Pool) -> int:
        held = self.held()
        return sum(call.amount for call in self.calls if call.lease_ids.get(pool.key) in held)

    def reach(self, pool: Pool, spender: Spender) -> int:
        """What a process can spend of a pool: but for what others hold, and its own calls do."""
        alive = Lease.objects.filter(renewed_at__gt=timezone.now() - timedelta(seconds=30))
        others = alive.filter(pool=pool.key).exclude(process=spender.process)
        leased: int = others.aggregate(total=Sum("credits"))["total"] or 0
        holding = spender._holdings.get(pool.key)
        own = holding.aside if holding is not None else 0
        return self.limit(pool) - self.spent[pool.key] - leased - own

    def see_refill(self) -> None:
        count = LedgerEntry.objects.filter(kind="refill").count()
        self.given += REFILL * (count - self.refills)
        assert count - self.refills <= self.is_refill_due
        if count > self.refills:
            self.refills, self.is_refill_due = count, False


@pytest.mark.django_db(transaction=True)
def test_no_sequence_makes_a_balance_or_a_budget_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    # Leases are tended by the rules.
    monkeypatch.setattr(spending, "TEND_SECONDS", 3600.0)
    run_state_machine_as_test(
        Ledger,
        settings=settings(
            max_examples=40,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            # Making a failure shorter would take minutes.
            phases=[Phase.generate],
        ),
    )
