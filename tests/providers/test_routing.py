from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.route_table import (
    Attempt,
    ChannelSnapshot,
    Key,
    ModelAlias,
    NameRule,
    Principal,
    RouteQuery,
    RouteTable,
)
from providers.routing import Conditions, Skip, consider, serves
from providers.routing import plan as full_plan


def channel(
    name: str,
    *,
    endpoint: str = "openAI",
    models: tuple[str, ...] = ("m",),
    priority: int = 0,
    weight: int = 1,
    keys: tuple[str, ...] = ("k",),
    mapping: tuple[tuple[str, str], ...] = (),
) -> ChannelSnapshot:
    return ChannelSnapshot(
        id=name,
        name=name,
        kind="openai",
        endpoint=endpoint,
        base_url="",
        models=models,
        keys=tuple(Key(secret) for secret in keys),
        model_mapping=mapping,
        priority=priority,
        weight=weight,
    )


def plan(
    channels: Sequence[ChannelSnapshot], *, endpoint: str, model: str, rng: Random
) -> list[Attempt]:
    table, query = RouteTable(tuple(channels)), RouteQuery(model, endpoint=endpoint)
    return list(full_plan(table, query, rng=rng).attempts)


def oracle(
    channels: list[ChannelSnapshot], endpoint: str, model: str, rng: Random
) -> list[tuple[str, str, str]]:
    """The same with tickets on a table: (channel, secret, model as sent).

    Nothing is drawn where there is one ticket, or one key.
    """
    found = []
    for priority in sorted({c.priority for c in channels}, reverse=True):
        tier = [
            c
            for c in channels
            if c.priority == priority and c.endpoint == endpoint and model in c.models
        ]
        while tier:
            tickets = [c for c in tier for _ in range(c.weight)]
            winner = tickets[rng.randrange(len(tickets))] if len(tier) > 1 else tier[0]
            tier = [c for c in tier if c.id != winner.id]
            sent = next((to for seen, to in winner.model_mapping if seen == model), model)
            keys = list(winner.keys)
            if len(keys) > 1:
                keys = rng.sample(keys, len(keys))
            found += [(winner.id, key.secret, sent) for key in keys]
    return found


names = st.sampled_from(["a", "b", "c"])
snapshots = st.builds(
    channel,
    st.uuids().map(str),
    endpoint=names,
    models=st.lists(names, unique=True).map(tuple),
    priority=st.integers(-2, 2),
    weight=st.integers(1, 5),
    keys=st.lists(names, min_size=1, unique=True).map(tuple),
    mapping=st.dictionaries(names, names).map(lambda pairs: tuple(pairs.items())),
)


@given(st.lists(snapshots, max_size=8), names, names, st.integers())
def test_plan_is_that_of_the_oracle(
    channels: list[ChannelSnapshot], endpoint: str, model: str, seed: int
) -> None:
    attempts = plan(channels, endpoint=endpoint, model=model, rng=Random(seed))
    found = [(a.channel.id, a.key.secret, a.model) for a in attempts]
    assert found == oracle(channels, endpoint, model, Random(seed))


def test_only_channels_of_endpoint_and_model_serve() -> None:
    channels = [
        channel("right"),
        channel("other endpoint", endpoint="Groq"),
        channel("other model", models=("n",)),
        channel("no models", models=()),
    ]
    attempts = plan(channels, endpoint="openAI", model="m", rng=Random(1))
    assert attempts == [Attempt(channels[0], Key("k"), "m", "m")]


def test_higher_priority_comes_first_whatever_the_weight() -> None:
    channels = [channel("low", weight=1000), channel("high", priority=1)]
    for seed in range(50):
        attempts = plan(channels, endpoint="openAI", model="m", rng=Random(seed))
        assert [attempt.channel.name for attempt in attempts] == ["high", "low"]


def test_share_of_first_places_follows_the_weight() -> None:
    channels = [channel("one", weight=1), channel("three", weight=3)]
    rng = Random(7)
    first = Counter(
        plan(channels, endpoint="openAI", model="m", rng=rng)[0].channel.name for _ in range(8000)
    )
    assert 0.73 < first["three"] / 8000 < 0.77


def test_name_people_see_is_replaced_by_that_of_the_service() -> None:
    channels = [channel("mapped", models=("nice",), mapping=(("nice", "gpt-x-2"),))]
    (attempt,) = plan(channels, endpoint="openAI", model="nice", rng=Random(1))
    assert attempt.model == "gpt-x-2"


def test_secret_is_not_in_the_representation() -> None:
    assert "sk-hidden" not in repr(channel("c", keys=("sk-hidden",)))


# -- Names, groups, fallbacks, rest --------------------------------------------------------------


def order(table: RouteTable, query: RouteQuery, now: Conditions | None = None) -> list[str]:
    """``channel/key`` for each attempt; tables of these tests leave nothing to chance."""
    made = full_plan(table, query, rng=Random(1), now=now or Conditions())
    return [f"{a.channel.name}:{a.name}" for a in made.attempts]


STAFF = frozenset({7})


def test_channel_of_groups_serves_their_people_alone() -> None:
    table = RouteTable((replace(channel("staff"), group_ids=STAFF), channel("all", priority=-1)))
    member, stranger = Principal("a", frozenset({7, 8})), Principal("b", frozenset({8}))
    assert order(table, RouteQuery("m", member)) == ["staff:m", "all:m"]
    assert order(table, RouteQuery("m", stranger)) == ["all:m"]


def test_channel_of_no_group_serves_nobody() -> None:
    table = RouteTable((replace(channel("closed"), group_ids=frozenset()),))
    assert not serves(table, RouteQuery("m", Principal("a", frozenset({1, 2}))))


@given(st.integers(0, 100))
def test_roll_out_reaches_the_same_people_each_time_and_grows(percent: int) -> None:
    people = [Principal(str(number)) for number in range(60)]
    part = replace(channel("new"), rollout_percent=percent)
    more = replace(channel("new"), rollout_percent=min(percent + 20, 100))
    reached = {p.id for p in people if part.is_open_to(p)}
    assert reached <= {p.id for p in people if more.is_open_to(p)}
    assert percent > 0 or not reached
    assert percent < 100 or len(reached) == 60


@pytest.mark.parametrize("provider", ["Groq", "groq main", "GROQ"])
def test_provider_asked_for_is_the_only_one(provider: str) -> None:
    groq = replace(channel("groq main", endpoint="Groq"), kind="groq")
    table = RouteTable((channel("first", priority=9), groq))
    assert order(table, RouteQuery("m", provider=provider)) == ["groq main:m"]


def test_alias_means_its_model_wherever_it_is_served() -> None:
    alias = ModelAlias("nice", target="m")
    table = RouteTable((channel("c", endpoint="Groq"),), {"nice": alias})
    assert order(table, RouteQuery("nice", endpoint="openAI")) == ["c:m"]


def test_fallbacks_follow_when_every_channel_of_the_model_was_tried() -> None:
    alias = ModelAlias("m", target="m", fallbacks=("n", "o"))
    channels = (
        channel("low", priority=-1),
        channel("high"),
        channel("other", models=("o",), priority=99),
        channel("next", models=("n",), endpoint="Groq"),
    )
    table = RouteTable(channels, {"m": alias})
    expected = ["high:m", "low:m", "next:n", "other:o"]
    assert order(table, RouteQuery("m", endpoint="openAI")) == expected


def test_models_the_caller_names_come_before_those_of_the_operator() -> None:
    table = RouteTable(
        (channel("a"), channel("b", models=("n",)), channel("c", models=("o",))),
        {"m": ModelAlias("m", target="m", fallbacks=("o",))},
    )
    assert order(table, RouteQuery("m", fallbacks=("n",))) == ["a:m", "b:n", "c:o"]


def test_other_models_for_what_is_too_long_or_filtered() -> None:
    alias = ModelAlias(
        "m", target="m", fallbacks_if_too_long=("long",), fallbacks_if_filtered=("free",)
    )
    channels = (channel("a"), channel("b", models=("long",)), channel("c", models=("free",)))
    made = full_plan(RouteTable(channels, {"m": alias}), RouteQuery("m"), rng=Random(1))
    names = [[a.name for a in part] for part in (made.attempts, made.if_too_long, made.if_filtered)]
    assert names == [["m"], ["long"], ["free"]]


@pytest.mark.parametrize(("is_hard", "expected"), [(False, "small"), (True, "big")])
def test_hard_questions_go_to_the_other_model_first(is_hard: bool, expected: str) -> None:
    table = RouteTable(
        (channel("c", models=("small", "big")),),
        {"auto": ModelAlias("auto", target="small", hard_target="big")},
    )
    found = order(table, RouteQuery("auto", is_hard=is_hard))
    assert found[0] == f"c:{expected}"
    assert len(found) == 2  # the other half is its fallback


RULES = (NameRule("gpt-*", "c"), NameRule("*", "d"))


def test_name_nobody_lists_follows_the_first_rule() -> None:
    table = RouteTable((channel("c", models=()), channel("d", models=())), rules=RULES)
    assert order(table, RouteQuery("GPT-9")) == ["c:GPT-9"]
    assert order(table, RouteQuery("other")) == ["d:other"]


def test_rule_opens_no_model_that_a_closed_channel_lists() -> None:
    closed = replace(channel("closed", models=("gpt-5-pro",)), group_ids=STAFF)
    table = RouteTable((closed, channel("c", models=())), rules=RULES)
    assert not serves(table, RouteQuery("gpt-5-pro", Principal("stranger")))


def test_rule_passes_over_channels_that_are_not_open() -> None:
    closed = replace(channel("c", models=()), group_ids=STAFF)
    table = RouteTable((closed, channel("d", models=())), rules=RULES)
    assert order(table, RouteQuery("gpt-9", Principal("stranger"))) == ["d:gpt-9"]


def test_resting_keys_come_last_and_the_first_to_be_well_is_first() -> None:
    channels = (
        replace(channel("tired", priority=2), keys=(Key("a", "1"), Key("b", "2"))),
        channel("well"),
    )
    now = Conditions({("tired", "1"): 30.0, ("tired", "2"): 5.0})
    made = full_plan(RouteTable(channels), RouteQuery("m"), rng=Random(1), now=now)
    assert [a.key.id or a.channel.name for a in made.attempts] == ["well", "2", "1"]


def test_channel_with_one_resting_key_keeps_its_place() -> None:
    channels = (
        replace(channel("two", priority=2), keys=(Key("a", "1"), Key("b", "2"))),
        channel("well"),
    )
    now = Conditions({("two", "1"): 30.0})
    made = full_plan(RouteTable(channels), RouteQuery("m"), rng=Random(1), now=now)
    assert [a.key.id or a.channel.name for a in made.attempts] == ["2", "well", "1"]


def test_each_channel_says_why_it_is_passed_over() -> None:
    channels = (
        channel("right"),
        channel("endpoint", endpoint="Groq"),
        channel("model", models=("n",)),
        replace(channel("closed"), group_ids=STAFF),
        replace(channel("tired"), keys=(Key("a", "1"),)),
    )
    now = Conditions({("tired", "1"): 3.0})
    found = consider(RouteTable(channels), RouteQuery("m", endpoint="openAI"), now)
    assert {c.channel.name: c.skip for c in found} == {
        "right": None,
        "endpoint": Skip.OTHER_ENDPOINT,
        "model": Skip.NOT_LISTED,
        "closed": Skip.NOT_OPEN,
        "tired": Skip.RESTING,
    }


principals = st.builds(Principal, names, st.frozensets(st.integers(0, 3)))
closed_snapshots = st.builds(
    lambda one, groups, percent: replace(one, group_ids=groups, rollout_percent=percent),
    snapshots,
    st.none() | st.frozensets(st.integers(0, 3)),
    st.sampled_from([0, 50, 100]),
)
aliases = st.builds(
    ModelAlias, names, names, names | st.just(""), st.lists(names, max_size=2).map(tuple)
)
tables = st.builds(
    lambda channels, found: RouteTable(tuple(channels), {alias.name: alias for alias in found}),
    st.lists(closed_snapshots, max_size=6),
    st.lists(aliases, max_size=2),
)


@given(tables, principals, names, st.booleans(), st.integers())
def test_plan_and_explanation_agree(
    table: RouteTable, principal: Principal, model: str, is_hard: bool, seed: int
) -> None:
    query = RouteQuery(model, principal, is_hard=is_hard)
    made = full_plan(table, query, rng=Random(seed))
    usable = {(c.channel.id, c.name) for c in consider(table, query, Conditions()) if not c.skip}
    assert {(a.channel.id, a.name) for a in made.attempts} == usable
    assert bool(made.attempts) == serves(table, query)
    assert all(a.channel.is_open_to(principal) for a in made.attempts)
    tried = [(a.channel.id, a.key.secret, a.name) for a in made.attempts]
    assert len(tried) == len(set(tried))


@given(tables, principals, names, st.integers())
def test_table_that_remembers_plans_as_one_that_does_not(
    table: RouteTable, principal: Principal, model: str, seed: int
) -> None:
    query = RouteQuery(model, principal)
    for _ in range(3):
        fresh = full_plan(replace(table), query, rng=Random(seed))
        assert full_plan(table, query, rng=Random(seed)) == fresh


def test_another_table_made_of_this_one_remembers_nothing_of_it() -> None:
    table, query = RouteTable((channel("a"),)), RouteQuery("m")
    assert order(table, query) == ["a:m"]
    assert order(replace(table, channels=(channel("b"),)), query) == ["b:m"]


def test_nothing_is_remembered_where_chance_decides_or_something_rests() -> None:
    alone, tired = replace(channel("a"), keys=(Key("x", "1"),)), Conditions({("a", "1"): 5.0})
    for table, now, is_remembered in (
        (RouteTable((alone,)), Conditions(), True),
        (RouteTable((alone, channel("b", priority=1))), Conditions(), True),
        (RouteTable((alone, channel("b"))), Conditions(), False),
        (RouteTable((channel("two", keys=("k", "l")),)), Conditions(), False),
        (RouteTable((alone,)), tired, False),
    ):
        full_plan(table, RouteQuery("m"), rng=Random(1), now=now)
        assert bool(table.settled) is is_remembered
