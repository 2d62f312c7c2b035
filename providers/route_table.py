"""What routing chooses from and what it says: channels, names and rules, questions, plans. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from librechat_backend.lib.rollout import in_rollout


@dataclass(frozen=True, slots=True)
class Principal:
    """Whose request it is. The default is nobody in particular: open to all is open to it.

    ``is_operator``: somebody who tries things out, and may try every channel.
    """

    id: str = ""
    group_ids: frozenset[int] = frozenset()
    is_operator: bool = False


@dataclass(frozen=True, slots=True)
class Key:
    """A decrypted secret. ``id`` is empty where the environment holds it."""

    secret: str = field(repr=False)
    id: str = ""


@dataclass(frozen=True, slots=True)
class ChannelSnapshot:
    """A usable channel as it was when it was read; everything filled in and decrypted.

    ``model_mapping``, ``headers``, ``options`` and ``overrides`` (JSON texts) are pairs. ``keys``
    is never empty: a service that needs none has one key with an empty secret. ``group_ids`` None:
    for everyone; empty: for nobody. Limits of None do not limit.
    """

    id: str
    name: str
    kind: str
    endpoint: str
    base_url: str
    models: tuple[str, ...]
    keys: tuple[Key, ...]
    model_mapping: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    options: tuple[tuple[str, str], ...] = ()
    overrides: tuple[tuple[str, str], ...] = ()
    relay_url: str = ""
    relay_key: str = field(default="", repr=False)
    group_ids: frozenset[int] | None = None
    rollout_percent: int = 100
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    parallel_requests: int | None = None
    priority: int = 0
    weight: int = 1
    connect_timeout_seconds: float = 10.0
    first_event_timeout_seconds: float = 300.0
    idle_timeout_seconds: float = 120.0
    menu_label: str = ""
    icon_url: str = ""
    menu_order: int = 100
    title_model: str = ""

    def upstream_model(self, model: str) -> str:
        """The name the service knows ``model`` by."""
        return dict(self.model_mapping).get(model, model)

    def is_open_to(self, principal: Principal) -> bool:
        if principal.is_operator:
            return True
        is_member = self.group_ids is None or bool(self.group_ids & principal.group_ids)
        return is_member and in_rollout(principal.id, self.id, self.rollout_percent)

    def answers_to(self, provider: str) -> bool:
        """Whether it is the ``provider`` asked for: by its name, service or endpoint."""
        wanted = provider.casefold()
        return wanted in {self.name.casefold(), self.kind.casefold(), self.endpoint.casefold()}


@dataclass(frozen=True, slots=True)
class ModelAlias:
    """What a model name stands for, and what answers when that fails.

    With ``hard_target``, hard questions go there and the others to ``target``.
    """

    name: str
    target: str
    hard_target: str = ""
    fallbacks: tuple[str, ...] = ()
    fallbacks_if_too_long: tuple[str, ...] = ()
    fallbacks_if_filtered: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NameRule:
    """Names like ``pattern`` that no channel lists are sent to the channel."""

    pattern: str
    channel_id: str

    @property
    def is_one_name(self) -> bool:
        """Whether it is a name, and no shape of names."""
        return not any(sign in self.pattern for sign in "*?[")

    def matches(self, model: str) -> bool:
        return fnmatchcase(model.casefold(), self.pattern.casefold())


@dataclass(frozen=True, slots=True)
class RouteTable:
    """All there is to choose from. ``rules`` in the order in which they are asked; ``settled``:
    plans of queries in which nothing is left to chance, while nothing rests."""

    channels: tuple[ChannelSnapshot, ...]
    aliases: Mapping[str, ModelAlias] = field(default_factory=dict)
    rules: tuple[NameRule, ...] = ()
    # Nothing of a table changes but what it remembers of questions it was asked.
    settled: "dict[RouteQuery, Plan]" = field(
        default_factory=dict, init=False, compare=False, repr=False
    )


@dataclass(frozen=True, slots=True)
class RouteQuery:
    """``endpoint`` and ``provider`` empty: any. ``fallbacks``: models the caller names himself."""

    model: str
    principal: Principal = Principal()
    endpoint: str = ""
    provider: str = ""
    is_hard: bool = False
    fallbacks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call to try; ``model`` is spelt as the service spells it, ``name`` as people do."""

    channel: ChannelSnapshot
    key: Key
    model: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """Attempts in order, and what replaces the rest of them for two kinds of failure."""

    attempts: tuple[Attempt, ...]
    if_too_long: tuple[Attempt, ...] = ()
    if_filtered: tuple[Attempt, ...] = ()
