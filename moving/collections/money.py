"""Credits: what people have, and what became of those they had.

A balance comes as one movement of the ledger, and another one whenever it has changed at the
source. Transactions are its history: they say what something cost, and move nothing here.
"""

from collections.abc import Sequence

from librechat_backend.lib.json import JSONDict, JSONValue
from moving.ahead import filled
from moving.collections.base import Collection
from moving.collections.conversations import CONVERSATION_ID_LENGTH
from moving.job import Job
from moving.rows import Row
from moving.sources import Document
from moving.table import Table
from moving.values import (
    chosen,
    created_at,
    document_id,
    fitting_id,
    reference,
    text,
    whole,
)
from usage.ledger.movements import take_over
from usage.models import Balance, LedgerEntry, RefillUnit

BALANCE, TRANSACTION = "librechat:balance", "librechat:transaction"
CREDITS_MAX = 2**53
SECOND = "another balance of the same person was filled later"
NO_FIGURE = "its amount is no number"
# What a movement of the ledger has no columns for; kept so that it can leave again.
SAID = (
    "tokenType", "context", "valueKey", "rate", "rawAmount", "tokenValue", "inputTokens",
    "writeTokens", "readTokens",
)  # fmt: skip
TABLE = Table(LedgerEntry, ("reference",), changed="created_at")


def write_balances(documents: Sequence[Document], job: Job) -> None:
    for document in documents:
        owner = job.owner(document.data, "user")
        if owner is None:
            continue
        if job.ahead.balances[reference(document.data.get("user"))] == document_id(document.data):
            _store_balance(document.data, owner, job)
        else:
            job.tally.merged += 1
            job.tally.note(SECOND, document_id(document.data))


def _store_balance(document: JSONDict, owner: str, job: Job) -> None:
    credits_ = _credits(document.get("tokenCredits"))
    if credits_ is None:
        job.tally.note(NO_FIGURE, document_id(document), is_lost=True)
    origin = f"{BALANCE}:{reference(document.get('user'))}"
    is_new = not Balance.objects.filter(pk=owner).exists()
    moved = take_over(user_id=owner, credits=credits_ or 0, origin=origin)
    is_refilled = _set_refill(document, owner, is_new=is_new)
    is_changed = moved is not None or is_refilled
    job.tally.written += is_new
    job.tally.updated += is_changed and not is_new
    job.tally.unchanged += not is_changed


def _set_refill(document: JSONDict, owner: str, *, is_new: bool) -> bool:
    """How it is filled again is taken with a balance that is new, or was filled since."""
    filled_at = filled(document)
    outdated = Balance.objects.filter(pk=owner)
    if not is_new:
        outdated = outdated.filter(last_refill_at__lt=filled_at)
    unit = document.get("refillIntervalUnit")
    return bool(
        outdated.update(
            auto_refill=document.get("autoRefillEnabled") is True,
            refill_interval_value=whole(document.get("refillIntervalValue")) or 30,
            refill_interval_unit=unit if unit in RefillUnit.values else RefillUnit.DAYS,
            refill_credits=max(_credits(document.get("refillAmount")) or 0, 0),
            last_refill_at=filled_at,
        )
    )


def _credits(value: JSONValue) -> int | None:
    """Whole ones; None for what is no number, or more than a column holds."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return round(value) if abs(value) <= CREDITS_MAX else None


def write_transactions(documents: Sequence[Document], job: Job) -> None:
    owned = [(each.data, owner) for each in documents if (owner := job.owner(each.data, "user"))]
    TABLE.store([_movement(data, owner) for data, owner in owned], job.tally)


def _movement(document: JSONDict, owner: str) -> Row:
    spent = -(_credits(document.get("tokenValue")) or 0)
    chat = text(document, "conversationId")
    return {
        "id": document_id(document),
        "created_at": created_at(document),
        "kind": LedgerEntry.Kind.IMPORT.value,
        "user_id": owner,
        "amount": 0,
        "cost": max(spent, 0),
        "request_id": "",
        "price_id": "",
        "operation": text(document, "context"),
        "model": text(document, "model"),
        "conversation_id": fitting_id(owner, chat, CONVERSATION_ID_LENGTH) if chat else "",
        "message_id": text(document, "messageId"),
        "periods": [],
        "reason": "",
        "by_id": None,
        "reference": f"{TRANSACTION}:{document_id(document)}",
        "details": chosen(document, SAID),
    }


BALANCES = Collection("balances", write_balances)
TRANSACTIONS = Collection("transactions", write_transactions, TABLE)
