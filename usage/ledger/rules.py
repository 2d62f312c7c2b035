"""How credits are handled, and when a balance is filled up again."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import datetime, timedelta

from usage.models import Balance, BillingRules, RefillUnit

_SECONDS = {
    RefillUnit.SECONDS: 1,
    RefillUnit.MINUTES: 60,
    RefillUnit.HOURS: 3600,
    RefillUnit.DAYS: 86_400,
    RefillUnit.WEEKS: 604_800,
}


@dataclass(frozen=True, slots=True)
class Refill:
    """``credits`` are added when a balance would be used up, at most once in each interval."""

    interval_value: int
    interval_unit: str
    credits: int

    def due_at(self, last: datetime) -> datetime:
        """The end of the interval that began with the ``last`` refill."""
        if self.interval_unit == RefillUnit.MONTHS:
            return _months_later(last, self.interval_value)
        seconds = _SECONDS[RefillUnit(self.interval_unit)] * self.interval_value
        return last + timedelta(seconds=seconds)


def _months_later(moment: datetime, months: int) -> datetime:
    """The same day of the month, or the last one where there is no such day."""
    years, month = divmod(moment.month - 1 + months, 12)
    year, month = moment.year + years, month + 1
    return moment.replace(year=year, month=month, day=min(moment.day, monthrange(year, month)[1]))


def billing_rules() -> BillingRules:
    """The stored rules, or those of a new server. One query."""
    return BillingRules.objects.first() or BillingRules()


def refill_of(balance: Balance, rules: BillingRules) -> Refill | None:
    """What the balance itself says comes before the rules; None: it is not refilled."""
    source = rules if balance.auto_refill is None else balance
    if not source.auto_refill or not source.refill_credits:
        return None
    return Refill(source.refill_interval_value, source.refill_interval_unit, source.refill_credits)
