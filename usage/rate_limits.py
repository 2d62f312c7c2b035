"""Limits of people, groups, models and addresses: which of them hold for a request.

They hold for turns of the chat and for requests of the API alike, and are counted as those of keys
are (usage/limits.py). A title, a summary or a memory beside an answer counts for nothing here.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from accounts.models.stamp import current_stamp
from librechat_backend.lib.internal_hosts import Network, parse_network
from usage.limits import Limit, Measure
from usage.models import RateLimit

# Who has one IPv6 address has all of its network.
_IPV6_PREFIX = 64


@dataclass(frozen=True, slots=True)
class Asker:
    """Whose request it is. ``group_ids`` are with those above; ``names`` are what was asked for: a
    preset, a model; ``address`` may be empty."""

    user_id: str
    group_ids: frozenset[int]
    address: str
    names: tuple[str, ...] = ()

    def counter(self, counted: str) -> str:
        """What a limit is counted by."""
        if counted == RateLimit.Counted.PERSON:
            return self.user_id
        return _place(self.address) if counted == RateLimit.Counted.ADDRESS else ""


def _place(address: str) -> str:
    if ":" not in address:
        return address
    return str(ipaddress.ip_network(f"{address}/{_IPV6_PREFIX}", strict=False).network_address)


@dataclass(frozen=True, slots=True)
class Rule:
    """A row, as memory holds it; empty conditions are fulfilled by everybody."""

    id: str
    owner: str
    user_id: str | None
    group_id: int | None
    model: str
    network: Network | None
    counted: str
    amounts: tuple[tuple[Measure, int], ...]

    def holds_for(self, asker: Asker, model: str) -> bool:
        return (
            self.user_id in (None, asker.user_id)
            and (self.group_id is None or self.group_id in asker.group_ids)
            and (not self.model or self._names(*asker.names, model))
            and (self.network is None or self._is_inside(asker.address))
        )

    def _names(self, *names: str) -> bool:
        return any(fnmatchcase(name.casefold(), self.model.casefold()) for name in names)

    def _is_inside(self, address: str) -> bool:
        return bool(address) and ipaddress.ip_address(address) in (self.network or ())

    def limits(self, asker: Asker) -> list[Limit]:
        key = f"rule:{self.id}:{asker.counter(self.counted)}"
        return [Limit(key, measure, amount, self.owner) for measure, amount in self.amounts]


@dataclass(frozen=True, slots=True)
class Rules:
    rules: tuple[Rule, ...]

    def limits_for(self, asker: Asker, model: str) -> list[Limit]:
        """``model``: what the names asked for stand for. Places for answers come last, so that
        none is taken for a request that is refused anyway."""
        held = (rule for rule in self.rules if rule.holds_for(asker, model))
        found = [limit for rule in held for limit in rule.limits(asker)]
        return sorted(found, key=lambda limit: limit.measure is Measure.PARALLEL)


_cached: tuple[str, Rules] | None = None


def current_rules(stamp: str | None = None) -> Rules:
    """``stamp``: of the rights, where the caller has read it already. One query besides that of the
    stamp; none while nothing has changed."""
    global _cached
    # Read before the rows: rows that are newer than it are read again next time.
    stamp = current_stamp() if stamp is None else stamp
    known = _cached  # another thread may put something older in its place
    if known is None or known[0] != stamp:
        rows = RateLimit.objects.filter(is_active=True).select_related("user", "group")
        known = _cached = stamp, Rules(tuple(_rules(rows)))
    return known[1]


def _rules(rows: Iterable[RateLimit]) -> Iterable[Rule]:
    for row in rows:
        amounts = (
            (Measure.REQUESTS, row.requests_per_minute),
            (Measure.TOKENS, row.tokens_per_minute),
            (Measure.PARALLEL, row.parallel_requests),
        )
        yield Rule(
            id=row.id,
            owner=row.owner,
            user_id=row.user_id,
            group_id=row.group_id,
            model=row.model,
            network=parse_network(row.network) if row.network else None,
            counted=row.counted,
            amounts=tuple((measure, amount) for measure, amount in amounts if amount),
        )
