from collections import Counter
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from providers.routing import Attempt, ChannelSnapshot, Key, plan


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


def oracle(
    channels: list[ChannelSnapshot], endpoint: str, model: str, rng: Random
) -> list[tuple[str, str, str]]:
    """The same with tickets on a table: (channel, secret, model as sent)."""
    found = []
    for priority in sorted({c.priority for c in channels}, reverse=True):
        tier = [
            c
            for c in channels
            if c.priority == priority and c.endpoint == endpoint and model in c.models
        ]
        while tier:
            tickets = [c for c in tier for _ in range(c.weight)]
            winner = tickets[rng.randrange(len(tickets))]
            tier = [c for c in tier if c.id != winner.id]
            sent = next((to for seen, to in winner.model_mapping if seen == model), model)
            keys = rng.sample(winner.keys, len(winner.keys))
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
    assert attempts == [Attempt(channels[0], Key("k"), "m")]


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
