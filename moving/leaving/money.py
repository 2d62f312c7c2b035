"""Credits: what people have, and how it came to that."""

from django.db.models import Q

from librechat_backend.lib.json import JSONDict
from moving.collections.money import BALANCE
from moving.leaving.leave import Leave, Leaving, Rows, derived_id, said
from moving.targets import Id
from usage.ledger.rules import billing_rules
from usage.models import Balance, LedgerEntry


def _balances(leave: Leave) -> Rows:
    return leave.owned(Balance.objects.all())


def _balance(balance: Balance, leave: Leave) -> JSONDict:
    """What is not said of a balance is said by the rules of all."""
    rules = billing_rules() if balance.auto_refill is None else balance
    return {
        "_id": derived_id("balance", balance.user_id),
        "user": Id(balance.user_id),
        "tokenCredits": balance.credits,
        "autoRefillEnabled": bool(rules.auto_refill),
        "refillIntervalValue": rules.refill_interval_value,
        "refillIntervalUnit": rules.refill_interval_unit,
        "refillAmount": rules.refill_credits,
        **said(lastRefill=balance.last_refill_at),
        "__v": 0,
    }


BALANCES = Leaving("balances", _balances, _balance)


def _entries(leave: Leave) -> Rows:
    """Of people who are here; the others nobody could look for. A balance that was taken over
    leaves as a balance."""
    taken_over = Q(reference__startswith=f"{BALANCE}:")
    return leave.owned(LedgerEntry.objects.filter(user__isnull=False).exclude(taken_over))


def _entry(entry: LedgerEntry, leave: Leave) -> JSONDict:
    return {
        "_id": Id(entry.pk),
        "user": Id(entry.user_id or ""),
        **(entry.details if "tokenType" in entry.details else _figures(entry)),
        **said(
            model=entry.model,
            conversationId=entry.conversation_id,
            messageId=entry.message_id,
        ),
        "createdAt": entry.created_at,
        "updatedAt": entry.created_at,
        "__v": 0,
    }


def _figures(entry: LedgerEntry) -> JSONDict:
    """A request is one row: prices of input and output are not told apart in the ledger."""
    is_usage = entry.kind == LedgerEntry.Kind.USAGE
    value = -entry.cost if is_usage else entry.amount
    return {
        "tokenType": "completion" if is_usage else "credits",
        "context": "message" if is_usage else entry.kind,
        "rawAmount": value,
        "tokenValue": value,
        "rate": 1,
    }


TRANSACTIONS = Leaving("transactions", _entries, _entry)
