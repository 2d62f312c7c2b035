"""Credits given, taken and counted once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.db.models import Sum

from accounts.models import User
from usage.ledger.movements import Kind, adjust, credit, open_balance
from usage.ledger.rules import Refill, refill_of
from usage.models import Balance, BillingRules, LedgerEntry

pytestmark = pytest.mark.django_db


def entries(user: User) -> list[tuple[str, int]]:
    rows = LedgerEntry.objects.filter(user=user).order_by("created_at", "id")
    return list(rows.values_list("kind", "amount"))


def total(user: User) -> int:
    found = LedgerEntry.objects.filter(user=user).aggregate(total=Sum("amount"))
    return found["total"] or 0


def test_balance_begins_with_the_start_credits_once(alice: User) -> None:
    BillingRules.objects.create(start_credits=500)
    assert open_balance(alice).credits == open_balance(alice).credits == 500
    assert entries(alice) == [("start", 500)]


def test_credits_are_given_once_for_one_reference(alice: User) -> None:
    BillingRules.objects.create(start_credits=0)
    first = credit(user=alice, amount=7, kind=Kind.PAYMENT, reason="paid", reference="event 1")
    again = credit(user=alice, amount=7, kind=Kind.PAYMENT, reason="paid", reference="event 1")
    other = credit(user=alice, amount=7, kind=Kind.PAYMENT, reason="paid", reference="event 2")
    assert first == again != other
    assert Balance.objects.get().credits == total(alice) == 14


def test_balance_that_is_taken_over_begins_with_nothing_else(alice: User) -> None:
    BillingRules.objects.create(start_credits=500)
    credit(user=alice, amount=3, kind=Kind.IMPORT, reason="taken over", reference="x")
    assert open_balance(alice).credits == 3
    assert entries(alice) == [("import", 3)]


def test_adjustment_may_take_away_and_names_who_made_it(alice: User, admin_user: User) -> None:
    BillingRules.objects.create(start_credits=10)
    entry = adjust(user=alice, amount=-4, reason="by mistake", by=admin_user)
    assert (entry.by, entry.reason) == (admin_user, "by mistake")
    assert Balance.objects.get().credits == total(alice) == 6


@pytest.mark.parametrize("amount", [0, -1])
def test_nothing_is_given_when_the_amount_is_not_positive(alice: User, amount: int) -> None:
    with pytest.raises(ValueError, match="more than none"):
        credit(user=alice, amount=amount, kind=Kind.VOUCHER, reason="")
    assert not LedgerEntry.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_credits_are_given_once_when_many_give_them_at_once(alice: User) -> None:
    BillingRules.objects.create(start_credits=100)

    def give(_: int) -> str:
        try:
            entry = credit(
                user=alice, amount=7, kind=Kind.PAYMENT, reason="paid", reference="event 1"
            )
            return str(entry.id)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(give, range(24)))) == 1
    assert sorted(entries(alice)) == [("payment", 7), ("start", 100)]
    assert Balance.objects.get().credits == 107


@pytest.mark.parametrize(
    ("value", "unit", "due"),
    [
        (90, "seconds", datetime(2026, 1, 31, 12, 1, 30, tzinfo=UTC)),
        (1, "weeks", datetime(2026, 2, 7, 12, tzinfo=UTC)),
        (1, "months", datetime(2026, 2, 28, 12, tzinfo=UTC)),
        (13, "months", datetime(2027, 2, 28, 12, tzinfo=UTC)),
    ],
)
def test_refill_is_due_when_its_interval_is_over(value: int, unit: str, due: datetime) -> None:
    assert Refill(value, unit, 1).due_at(datetime(2026, 1, 31, 12, tzinfo=UTC)) == due


def test_refill_of_a_balance_comes_before_the_rules() -> None:
    rules = BillingRules(auto_refill=True, refill_credits=10)
    assert refill_of(Balance(), rules) == Refill(30, "days", 10)
    assert refill_of(Balance(auto_refill=False, refill_credits=5), rules) is None
    own = Balance(
        auto_refill=True, refill_credits=5, refill_interval_value=2, refill_interval_unit="hours"
    )
    assert refill_of(own, rules) == Refill(2, "hours", 5)
    assert refill_of(Balance(), BillingRules()) is None
