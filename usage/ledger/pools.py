"""What a call is paid from: the person's balance, and the current window of each budget that
applies. All of them must have enough.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from accounts.models.stamp import current_stamp
from usage.ledger.rules import billing_rules
from usage.ledger.windows import BEGINNING, window_of
from usage.models import BillingRules, Budget

BALANCE, PERIOD = "balance", "period"


@dataclass(frozen=True, slots=True)
class Payer:
    """On whose account a call goes; ``groups`` are ids and names of the person's groups and of all
    above them. Empty ids: nobody, no key, no preset."""

    user_id: str = ""
    groups: tuple[tuple[int, str], ...] = ()
    token_id: str = ""
    token_name: str = ""
    preset_slug: str = ""


@dataclass(frozen=True, slots=True)
class BudgetData:
    """An active budget; see usage/models/ledger.py."""

    id: str
    name: str
    owner_kind: str
    owner_id: str
    limit_credits: int
    window: str
    extra_credits: int = 0
    extra_until: datetime | None = None
    fallback_preset: str = ""

    def limit_at(self, now: datetime) -> int:
        has_extra = self.extra_until is None or now < self.extra_until
        return self.limit_credits + (self.extra_credits if has_extra else 0)

    def pool(self, now: datetime, owner: str) -> "Pool":
        """Its window at ``now``; ``owner`` names to people whose it is."""
        starts_at, ends_at = window_of(self.window, now)
        return Pool(
            key=f"{PERIOD}:{period_id(self.id, starts_at)}",
            owner=owner,
            limit=self.limit_at(now),
            budget=self,
            starts_at=starts_at,
            ends_at=ends_at,
        )


@dataclass(frozen=True, slots=True)
class Pool:
    """``key`` names the row: ``balance:<person>``, or ``period:<id>`` of ``budget``. ``limit`` is
    that of the window."""

    key: str
    owner: str
    limit: int = 0
    budget: BudgetData | None = None
    starts_at: datetime = BEGINNING
    ends_at: datetime | None = None

    @property
    def row_id(self) -> str:
        return self.key.partition(":")[2]


def period_id(budget_id: str, starts_at: datetime) -> str:
    """Derived, so that processes agree on the row without asking for it."""
    return hashlib.sha256(f"{budget_id}:{starts_at:%Y-%m-%d}".encode()).hexdigest()[:24]


def balance_pool(user_id: str) -> Pool:
    return Pool(f"{BALANCE}:{user_id}", "your account")


@dataclass(frozen=True, slots=True)
class Billing:
    """The rules and the active budgets, by kind and id of their owners."""

    stamp: str
    rules: BillingRules
    budgets: Mapping[tuple[str, str], tuple[BudgetData, ...]] = field(default_factory=dict)

    @property
    def is_off(self) -> bool:
        """Nothing is paid from anything."""
        return not self.budgets and not self.rules.has_balances

    def pools_of(self, payer: Payer, now: datetime) -> tuple[Pool, ...]:
        """Those a call of ``payer`` needs, but for the channel's."""
        if self.is_off:
            return ()
        found = [budget.pool(now, owner) for budget, owner in self._applying(payer)]
        if self.rules.has_balances and payer.user_id:
            found.append(balance_pool(payer.user_id))
        return tuple(found)

    def channel_pools(self, channel_id: str, name: str, now: datetime) -> tuple[Pool, ...]:
        budgets = self.budgets.get((Budget.Owner.CHANNEL, channel_id), ())
        return tuple(budget.pool(now, f"the channel {name}") for budget in budgets)

    def preset_pools(self, slugs: Iterable[str], now: datetime) -> tuple[Pool, ...]:
        """What presets may spend, whoever uses them."""
        return tuple(
            budget.pool(now, f"the preset {slug}")
            for slug in slugs
            for budget in self.budgets.get((Budget.Owner.PRESET, slug), ())
        )

    def _applying(self, payer: Payer) -> Iterator[tuple[BudgetData, str]]:
        for kind, owner_id, owner in _owners(payer):
            for budget in self.budgets.get((kind, owner_id), ()):
                yield budget, owner


def _owners(payer: Payer) -> Iterator[tuple[str, str, str]]:
    """Kind, id, and a name to people."""
    Owner = Budget.Owner
    yield Owner.EVERYONE, "", "everyone"
    if payer.user_id:
        yield Owner.USER, payer.user_id, "you"
    for group_id, name in payer.groups:
        yield Owner.GROUP, str(group_id), f"the group {name}"
    if payer.token_id:
        yield Owner.TOKEN, payer.token_id, f"the API key {payer.token_name}"
    if payer.preset_slug:
        yield Owner.PRESET, payer.preset_slug, f"the preset {payer.preset_slug}"


_cached: Billing | None = None


def current_billing(stamp: str | None = None) -> Billing:
    """Kept in memory while the access stamp is the same; else two queries.

    ``stamp``: where the caller has read it already. For sync views and database threads.
    """
    global _cached
    # The stamp is read before the rows: rows newer than it are read again next time.
    stamp = current_stamp() if stamp is None else stamp
    cached = _cached
    if cached is None or cached.stamp != stamp:
        cached = _cached = Billing(stamp, billing_rules(), _by_owner(_read_budgets()))
    return cached


def billing_under(stamp: str, *, exists: bool) -> Billing:
    """As :func:`current_billing`; ``exists`` False: it is known that there is nothing to read."""
    return current_billing(stamp) if exists else Billing(stamp, BillingRules())


def _read_budgets() -> Iterator[BudgetData]:
    columns = (
        "id", "name", "owner_kind", "owner_id", "limit_credits", "window", "extra_credits",
        "extra_until", "fallback_preset",
    )  # fmt: skip
    for row in Budget.objects.filter(is_active=True).order_by("id").values(*columns):
        yield BudgetData(**row)


def _by_owner(
    budgets: Iterable[BudgetData],
) -> Mapping[tuple[str, str], tuple[BudgetData, ...]]:
    found: dict[tuple[str, str], tuple[BudgetData, ...]] = {}
    for budget in budgets:
        key = budget.owner_kind, budget.owner_id
        found[key] = (*found.get(key, ()), budget)
    return found
