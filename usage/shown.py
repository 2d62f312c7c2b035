"""What people are told of money: one row of rules, read along with the stamps."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.db.models import F, QuerySet, TextField, Value
from django.db.models.functions import Cast, JSONObject

from librechat_backend.lib import json
from usage.ledger.rules import Refill
from usage.models import BillingRules

_COLUMNS = (
    "has_balances", "shows_cost", "currency_code", "currency_rate", "start_credits", "auto_refill",
    "refill_interval_value", "refill_interval_unit", "refill_credits",
)  # fmt: skip
_UNSET = BillingRules()


@dataclass(frozen=True, slots=True)
class ShownRules:
    """``currency_rate``: units of the currency for 1 USD. ``refill``: of new balances, once
    ``auto_refill`` is on.
    """

    has_balances: bool = False
    shows_cost: bool = False
    currency_code: str = _UNSET.currency_code
    currency_rate: float = float(_UNSET.currency_rate)
    start_credits: int = _UNSET.start_credits
    auto_refill: bool = False
    refill: Refill = Refill(
        _UNSET.refill_interval_value, _UNSET.refill_interval_unit, _UNSET.refill_credits
    )


def shown_rules_row(label: str) -> QuerySet[Any, Any]:
    """``label`` and the rules as text, for a union with others; no row while there are none."""
    document = JSONObject(**{name: F(name) for name in _COLUMNS})
    return BillingRules.objects.values_list(Value(label), Cast(document, TextField()))


@lru_cache(maxsize=8)
def read_rules(text: str) -> ShownRules:
    """Of :func:`shown_rules_row`; databases write booleans and decimals each in their way."""
    if not text:
        return ShownRules()
    row = json.loads(text)
    return ShownRules(
        has_balances=bool(row["has_balances"]),
        shows_cost=bool(row["shows_cost"]),
        currency_code=row["currency_code"],
        currency_rate=float(row["currency_rate"]),
        start_credits=row["start_credits"],
        auto_refill=bool(row["auto_refill"]),
        refill=Refill(
            row["refill_interval_value"], row["refill_interval_unit"], row["refill_credits"]
        ),
    )
