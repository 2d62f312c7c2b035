"""Money in the client's words (contract 01 §5.7)."""

from collections.abc import Sequence

from librechat_backend.lib.json import JSONDict
from librechat_backend.lib.times import to_iso
from usage.ledger.rules import Refill, refill_of
from usage.ledger.standing import Standing, tightest
from usage.models import Balance, BillingRules
from usage.shown import ShownRules


def balance_to_wire(balance: Balance, rules: BillingRules) -> JSONDict:
    refill = refill_of(balance, rules)
    wire: JSONDict = {
        "user": balance.pk,
        "tokenCredits": balance.credits,
        "autoRefillEnabled": refill is not None,
    }
    if refill is None:
        return wire
    return wire | _refill_to_wire(refill) | {"lastRefill": to_iso(balance.last_refill_at)}


def balances_to_wire(shown: ShownRules) -> JSONDict:
    """The member ``balance`` of ``/api/config``."""
    if not shown.has_balances:
        return {"enabled": False}
    return {
        "enabled": True,
        "startBalance": shown.start_credits,
        "autoRefillEnabled": shown.auto_refill,
        **_refill_to_wire(shown.refill),
    }


def _refill_to_wire(refill: Refill) -> JSONDict:
    return {
        "refillIntervalValue": refill.interval_value,
        "refillIntervalUnit": refill.interval_unit,
        "refillAmount": refill.credits,
    }


def standings_to_wire(told: Sequence[Standing]) -> JSONDict:
    """Of our own; ``tightest`` is the key of the one that will refuse first."""
    worst = tightest(told)
    return {
        "limits": [_standing_to_wire(standing) for standing in told],
        "tightest": worst.pool.key if worst else None,
    }


def _standing_to_wire(standing: Standing) -> JSONDict:
    pool, budget = standing.pool, standing.pool.budget
    wire: JSONDict = {
        "key": pool.key,
        "kind": "balance" if budget is None else "budget",
        "owner": pool.owner,
        "remaining": standing.left,
        "inProgress": standing.aside,
    }
    if budget is None:
        return wire
    return wire | {
        "name": budget.name,
        "ownerKind": budget.owner_kind,
        "ownerId": budget.owner_id,
        "window": budget.window,
        "used": standing.used,
        "limit": pool.limit,
        "resetsAt": to_iso(pool.ends_at) if pool.ends_at else None,
    }
