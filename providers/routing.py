"""Which channels serve a request, and in which order they are tried. Pure.

    name → what it stands for → channels that list it, else those a name rule points to
         → open to the caller, of the endpoint and provider asked for, healthy
         → by priority, by weight among equals → then the fallback models, each the same way
         → last of all, keys that rest

``plan`` is what is called; ``explain`` says for every channel why it is or is not among them. Both
come from ``consider``, so they cannot disagree.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import groupby
from random import Random

from providers.route_table import (
    Attempt,
    ChannelSnapshot,
    Key,
    NameRule,
    Plan,
    RouteQuery,
    RouteTable,
)


class Skip(StrEnum):
    """Why a channel does not serve a request."""

    NOT_LISTED = "does not list the model"
    OTHER_ENDPOINT = "belongs to another endpoint"
    OTHER_PROVIDER = "is not the provider asked for"
    NOT_OPEN = "is not open to the caller"
    RESTING = "rests after failures"


# (channel id, key id) → seconds for which the key still rests.
Resting = Mapping[tuple[str, str], float]


@dataclass(frozen=True, slots=True)
class Conditions:
    """The state of things at this moment: keys that rest."""

    resting: Resting = field(default_factory=dict)

    def rest_of(self, channel: ChannelSnapshot, key: Key) -> float:
        return self.resting.get((channel.id, key.id), 0.0)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A channel under consideration for ``name``; without ``skip`` it is called."""

    channel: ChannelSnapshot
    name: str
    is_fallback: bool
    by_rule: str = ""
    skip: Skip | None = None
    rests_seconds: float = 0.0


# -- Names -----------------------------------------------------------------------------------


def meant(table: RouteTable, query: RouteQuery) -> str:
    """The model a name stands for at this question."""
    alias = table.aliases.get(query.model)
    if alias is None:
        return query.model
    return alias.hard_target if alias.hard_target and query.is_hard else alias.target


def fallbacks(table: RouteTable, query: RouteQuery) -> tuple[str, ...]:
    """Other models to try in general: of an alias for easy and hard questions its other half."""
    alias = table.aliases.get(query.model)
    named = alias.fallbacks if alias else ()
    other_half = (alias.target, alias.hard_target) if alias and alias.hard_target else ()
    return _others(meant(table, query), (*query.fallbacks, *other_half, *named))


def _others(first: str, names: Iterable[str]) -> tuple[str, ...]:
    return tuple(name for name in dict.fromkeys(names) if name and name != first)


def depends_on_difficulty(table: RouteTable, query: RouteQuery) -> bool:
    """Whether the name means one model for easy questions and another for hard ones."""
    alias = table.aliases.get(query.model)
    return alias is not None and bool(alias.hard_target)


# -- Considering -----------------------------------------------------------------------------


def consider(table: RouteTable, query: RouteQuery, now: Conditions) -> list[Candidate]:
    """Every channel for the model meant, then every channel for each fallback model."""
    first = meant(table, query)
    # An alias is the operator's word for a model wherever it is; a plain name belongs to a menu.
    meant_anywhere = query.model in table.aliases
    asked = replace(query, endpoint="") if meant_anywhere else query
    found = _for_model(table, asked, first, now)
    for name in fallbacks(table, query):
        found += _for_model(table, replace(query, endpoint=""), name, now, is_fallback=True)
    return found


def _for_model(
    table: RouteTable,
    query: RouteQuery,
    name: str,
    now: Conditions,
    *,
    is_fallback: bool = False,
) -> list[Candidate]:
    rule = rule_for(table, name, query)
    target = rule.channel_id if rule else ""
    return [
        Candidate(
            channel,
            name,
            is_fallback,
            by_rule=rule.pattern if rule and channel.id == target else "",
            skip=_skip(
                channel, query, now, is_named=name in channel.models or channel.id == target
            ),
            rests_seconds=_rest(channel, now),
        )
        for channel in table.channels
    ]


def rule_for(table: RouteTable, name: str, query: RouteQuery) -> NameRule | None:
    """The first rule whose channel is open to the caller; None for a name that is listed."""
    if any(name in channel.models for channel in table.channels):
        return None
    usable = {
        channel.id
        for channel in table.channels
        if channel.is_open_to(query.principal) and _is_wanted(channel, query)
    }
    matching = (rule for rule in table.rules if rule.matches(name) and rule.channel_id in usable)
    return next(matching, None)


def _is_wanted(channel: ChannelSnapshot, query: RouteQuery) -> bool:
    of_endpoint = not query.endpoint or channel.endpoint == query.endpoint
    return of_endpoint and (not query.provider or channel.answers_to(query.provider))


def _skip(
    channel: ChannelSnapshot, query: RouteQuery, now: Conditions, *, is_named: bool
) -> Skip | None:
    checks = (
        (not is_named, Skip.NOT_LISTED),
        (not channel.is_open_to(query.principal), Skip.NOT_OPEN),
        (query.endpoint and channel.endpoint != query.endpoint, Skip.OTHER_ENDPOINT),
        (query.provider and not channel.answers_to(query.provider), Skip.OTHER_PROVIDER),
        (_rest(channel, now) > 0, Skip.RESTING),
    )
    return next((reason for applies, reason in checks if applies), None)


def _rest(channel: ChannelSnapshot, now: Conditions) -> float:
    """Seconds until the first of its keys may be used; 0 for now."""
    return min(now.rest_of(channel, key) for key in channel.keys)


def serves(table: RouteTable, query: RouteQuery) -> bool:
    """Whether a call may be made at all, whatever rests or is busy just now."""
    return any(c.skip is None for c in consider(table, query, Conditions()))


# -- Planning --------------------------------------------------------------------------------

NOTHING_AMISS = Conditions()
REMEMBERED_PLANS = 10_000


def plan(
    table: RouteTable, query: RouteQuery, *, rng: Random, now: Conditions = NOTHING_AMISS
) -> Plan:
    """Every channel that serves ``query``, once for each of its keys.

    Higher priority first; among equals in random order, a channel of weight 2 being first twice
    as often as one of weight 1. Keys of one channel are tried in random order. What rests comes
    last, the soonest to be well again first: asking it is better than asking nobody.
    """
    if now.resting:
        return _planned(table, query, rng, now)
    made = table.settled.get(query)
    if made is None:
        made = _planned(table, query, rng, now)
        if not _has_choice(made):
            _remember(table, query, made)
    return made


def _planned(table: RouteTable, query: RouteQuery, rng: Random, now: Conditions) -> Plan:
    alias = table.aliases.get(query.model)
    return Plan(
        attempts=tuple(_attempts(consider(table, query, now), rng, now)),
        if_too_long=_instead(table, query, alias.fallbacks_if_too_long if alias else (), rng, now),
        if_filtered=_instead(table, query, alias.fallbacks_if_filtered if alias else (), rng, now),
    )


def _has_choice(made: Plan) -> bool:
    """Whether another order were possible: two calls of the same model and priority."""
    for attempts in (made.attempts, made.if_too_long, made.if_filtered):
        ranks = [(attempt.name, attempt.channel.priority) for attempt in attempts]
        if len(set(ranks)) < len(ranks):
            return True
    return False


def _remember(table: RouteTable, query: RouteQuery, made: Plan) -> None:
    if len(table.settled) >= REMEMBERED_PLANS:  # names come from outside
        table.settled.clear()
    table.settled[query] = made


def _instead(
    table: RouteTable, query: RouteQuery, names: Sequence[str], rng: Random, now: Conditions
) -> tuple[Attempt, ...]:
    if not names:
        return ()
    anywhere = replace(query, endpoint="")
    found = [c for name in names for c in _for_model(table, anywhere, name, now, is_fallback=True)]
    return tuple(_attempts(found, rng, now))


def _attempts(found: Sequence[Candidate], rng: Random, now: Conditions) -> Iterator[Attempt]:
    for _, same_model in groupby(found, key=lambda candidate: candidate.name):
        ready = [candidate for candidate in same_model if candidate.skip is None]
        for candidate in _ordered(ready, rng):
            yield from _with_keys(candidate, rng, now)
    yield from _resting_ones(found, now)


def _ordered(ready: list[Candidate], rng: Random) -> Iterator[Candidate]:
    ready.sort(key=lambda candidate: -candidate.channel.priority)
    for _, tier in groupby(ready, key=lambda candidate: candidate.channel.priority):
        yield from _weighted_order(list(tier), rng)


def _weighted_order(tier: list[Candidate], rng: Random) -> Iterator[Candidate]:
    while len(tier) > 1:
        yield tier.pop(_draw([candidate.channel.weight for candidate in tier], rng))
    yield from tier


def _draw(weights: Sequence[int], rng: Random) -> int:
    ticket = rng.randrange(sum(weights))
    for index, weight in enumerate(weights):
        ticket -= weight
        if ticket < 0:
            return index
    raise AssertionError("a ticket lies below the sum of the weights")


def _with_keys(candidate: Candidate, rng: Random, now: Conditions) -> Iterator[Attempt]:
    channel = candidate.channel
    keys = channel.keys
    # Drawing asks the system for randomness: not where there is nothing to draw.
    for key in keys if len(keys) == 1 else rng.sample(keys, len(keys)):
        if not now.rest_of(channel, key):
            yield _attempt(candidate, key)


def _resting_ones(found: Sequence[Candidate], now: Conditions) -> list[Attempt]:
    resting = [
        (now.rest_of(candidate.channel, key), _attempt(candidate, key))
        for candidate in found
        if candidate.skip in {None, Skip.RESTING}
        for key in candidate.channel.keys
        if now.rest_of(candidate.channel, key)
    ]
    return [attempt for _, attempt in sorted(resting, key=lambda pair: pair[0])]


def _attempt(candidate: Candidate, key: Key) -> Attempt:
    channel = candidate.channel
    return Attempt(channel, key, channel.upstream_model(candidate.name), candidate.name)
