"""What requests cost, written down: entries, and the pools they were paid from.

Called in the transaction that stores the rows of the requests (usage/rows.py). The entry of a
request has its id; what was there already has been paid.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection

from librechat_backend.lib import json
from usage.entries import RequestEntry
from usage.ledger.leases import cut, spend
from usage.ledger.pools import BALANCE
from usage.models import LedgerEntry

_COLUMNS = (
    "id", "created_at", "kind", "user_id", "amount", "cost", "request_id", "price_id",
    "operation", "model", "conversation_id", "message_id", "periods", "reason", "by_id",
    "reference", "details",
)  # fmt: skip
_NAMES = ", ".join(f'"{name}"' for name in _COLUMNS)
_ROW = f"({', '.join('%s' for _ in _COLUMNS)})"
_TABLE = LedgerEntry._meta.db_table


def settle(entries: Sequence[RequestEntry]) -> None:
    """Write down what cost something, and take it from where it is paid. Needs a transaction."""
    costly = {entry.id: entry for entry in entries if entry.cost_credits}
    if not costly:
        return
    _pay(costly[entry_id] for entry_id in _insert(list(costly.values())))


def unsettled(entries: Sequence[RequestEntry]) -> list[RequestEntry]:
    """Those of which nothing is written down."""
    ids = [entry.id for entry in entries]
    known = set(LedgerEntry.objects.filter(pk__in=ids).values_list("pk", flat=True))
    return [entry for entry in entries if entry.id not in known]


def _insert(entries: Sequence[RequestEntry]) -> set[str]:
    """The ids of those that were not there."""
    places = ", ".join(_ROW for _ in entries)
    statement = (
        f'INSERT INTO "{_TABLE}" ({_NAMES}) VALUES {places} '  # noqa: S608 - names of our own
        'ON CONFLICT DO NOTHING RETURNING "id"'
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [value for entry in entries for value in _row(entry)])
        return {row[0] for row in cursor.fetchall()}


def _row(entry: RequestEntry) -> list[Any]:
    """In the order of the columns; texts as far as they go."""
    cost = entry.cost_credits or 0
    kinds = [share.pool_key.partition(":") for share in entry.shares]
    periods = [row_id for kind, _, row_id in kinds if kind != BALANCE]
    return [
        entry.id,
        connection.ops.adapt_datetimefield_value(entry.created_at),
        LedgerEntry.Kind.USAGE,
        entry.user_id,
        -cost if any(kind == BALANCE for kind, _, _ in kinds) else 0,
        cost,
        entry.id,
        entry.price_id,
        entry.operation[:40],
        _plain(entry.served_model or entry.requested_model)[:200],
        entry.conversation_id[:36],
        entry.message_id[:36],
        json.dumps(periods).decode(),
        "",
        None,
        None,
        "{}",
    ]


def _plain(text: str) -> str:
    """Without what PostgreSQL cannot store."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def _pay(entries: Iterable[RequestEntry]) -> None:
    """In the order of usage/ledger/leases.py."""
    totals: dict[str, int] = defaultdict(int)
    held: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for entry in entries:
        for share in entry.shares:
            totals[share.pool_key] += entry.cost_credits or 0
            held[share.pool_key][share.lease_id] += share.covered
    for key in sorted(totals):
        _take(key, totals[key], held[key])


def _take(key: str, cost: int, covered: dict[str, int]) -> None:
    """What a lease covered is no longer leased; the lease itself may be lost already."""
    returned = sum(
        credits for lease_id, credits in sorted(covered.items()) if cut(lease_id, credits)
    )
    spend(key, cost, returned=returned)
