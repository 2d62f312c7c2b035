"""Which channels serve a request, and in which order they are tried. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from random import Random


@dataclass(frozen=True, slots=True)
class Key:
    """A decrypted secret. ``id`` is empty where the environment holds it."""

    secret: str = field(repr=False)
    id: str = ""


@dataclass(frozen=True, slots=True)
class ChannelSnapshot:
    """A usable channel as it was when it was read; everything filled in and decrypted.

    ``model_mapping``, ``headers`` and ``options`` are pairs. ``keys`` is never empty: a service
    that needs none has one key with an empty secret.
    """

    id: str
    name: str
    kind: str
    endpoint: str
    base_url: str
    models: tuple[str, ...]
    keys: tuple[Key, ...]
    model_mapping: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    options: tuple[tuple[str, str], ...] = ()
    priority: int = 0
    weight: int = 1
    first_event_timeout_seconds: float = 300.0
    idle_timeout_seconds: float = 120.0

    def upstream_model(self, model: str) -> str:
        """The name the service knows ``model`` by."""
        return dict(self.model_mapping).get(model, model)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call to try; ``model`` is spelt as the service spells it."""

    channel: ChannelSnapshot
    key: Key
    model: str


def plan(
    channels: Iterable[ChannelSnapshot], *, endpoint: str, model: str, rng: Random
) -> list[Attempt]:
    """Every channel that serves ``model`` under ``endpoint``, once for each of its keys.

    Higher priority first; among equals in random order, a channel of weight 2 being first twice
    as often as one of weight 1. Keys of one channel are tried in random order.
    """
    serving = [c for c in channels if c.endpoint == endpoint and model in c.models]
    serving.sort(key=lambda channel: -channel.priority)
    return [
        Attempt(channel, key, channel.upstream_model(model))
        for _, tier in groupby(serving, key=lambda channel: channel.priority)
        for channel in _weighted_order(list(tier), rng)
        for key in rng.sample(channel.keys, len(channel.keys))
    ]


def _weighted_order(tier: list[ChannelSnapshot], rng: Random) -> Iterator[ChannelSnapshot]:
    while tier:
        yield tier.pop(_draw([channel.weight for channel in tier], rng))


def _draw(weights: Sequence[int], rng: Random) -> int:
    ticket = rng.randrange(sum(weights))
    for index, weight in enumerate(weights):
        ticket -= weight
        if ticket < 0:
            return index
    raise AssertionError("a ticket lies below the sum of the weights")
