"""The names a caller may call: presets by slug, and models. Pure.

Listing and calling read the same table, so that a name is listed if and only if it can be called.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from presets.resolution import ResolvedPreset
from presets.resolver import Offer
from providers.catalog import EndpointInfo, max_output_tokens
from providers.route_table import RouteQuery, RouteTable
from providers.routing import Conditions, consider

PRESET_PREFIX = "preset:"
ALL = "*"


@dataclass(frozen=True, slots=True)
class Entry:
    """One name. ``preset`` None: a model as it is. ``pattern``: of the name rule that alone knows
    it."""

    id: str
    model: str
    endpoint: EndpointInfo
    preset: ResolvedPreset | None = None
    pattern: str = ""

    @property
    def name(self) -> str:
        return self.preset.name if self.preset else self.model

    @property
    def context_window(self) -> int:
        return self.endpoint.context_window(self.model)

    @property
    def max_output_tokens(self) -> int:
        return max_output_tokens(self.endpoint.kind, self.model)


@dataclass(frozen=True, slots=True)
class Catalog:
    """``entries`` in the order they are listed. One model may be served by several endpoints.

    ``patterns``: names of these shapes can be called, too, where no channel lists them.
    """

    entries: tuple[Entry, ...]
    by_id: Mapping[str, Entry] = field(repr=False)
    patterns: tuple[str, ...] = ()

    def find(self, name: str, provider: str = "") -> Entry | None:
        """``provider`` narrows to an endpoint or a kind of service."""
        if not provider:
            return self.by_id.get(name.removeprefix(PRESET_PREFIX), None) or self.by_id.get(name)
        wanted = provider.lower()
        bare = name.removeprefix(PRESET_PREFIX)
        fitting = (
            entry
            for entry in self.entries
            if entry.id in (name, bare)
            and wanted in (entry.endpoint.name.lower(), entry.endpoint.kind.lower())
        )
        return next(fitting, None)

    def listed(self) -> list[Entry]:
        """Each name once."""
        return list(self.by_id.values())


def make_catalog(
    offer: Offer,
    table: RouteTable,
    *,
    models: Sequence[str] | None,
    presets: Sequence[str] | None,
) -> Catalog:
    """``models`` and ``presets`` are a key's limits: None is everything, an empty list nothing."""
    entries: list[Entry] = []
    for preset in offer.presets:
        info = offer.endpoint(preset.endpoint)
        if info is not None and _allows(presets, preset.slug):
            entries.append(Entry(preset.slug, preset.model, info, preset))
    if not offer.policy.enforce:
        entries += _models(offer.endpoints, models)
    by_id: dict[str, Entry] = {}
    for entry in entries:
        by_id.setdefault(entry.id, entry)
    # A key that is limited to names has those a rule serves among them.
    for name in models or ():
        found = None if name in by_id else find_by_rule(offer, table, models=models, name=name)
        if found:
            entries.append(by_id.setdefault(name, found))
    return Catalog(tuple(entries), by_id, _patterns(offer, table, models))


def find_by_rule(
    offer: Offer, table: RouteTable, *, models: Sequence[str] | None, name: str, provider: str = ""
) -> Entry | None:
    """A model nobody lists, where a name rule sends such names to a channel of the caller's."""
    if not _opens_rules(offer):
        return None
    query = RouteQuery(name, offer.principal, provider=provider)
    served = (c for c in consider(table, query, Conditions()) if c.by_rule and c.skip is None)
    first = next(served, None)
    info = offer.endpoint(first.channel.endpoint) if first and _allows(models, name) else None
    return Entry(name, name, info, pattern=first.by_rule) if first and info else None


def _opens_rules(offer: Offer) -> bool:
    return not offer.policy.enforce and offer.policy.added_endpoints is None


def _patterns(offer: Offer, table: RouteTable, models: Sequence[str] | None) -> tuple[str, ...]:
    if not _opens_rules(offer) or not (models is None or ALL in models):
        return ()
    usable = {
        channel.id
        for channel in table.channels
        if channel.is_open_to(offer.principal) and offer.endpoint(channel.endpoint)
    }
    shapes = (rule for rule in table.rules if rule.channel_id in usable and not rule.is_one_name)
    return tuple(dict.fromkeys(rule.pattern for rule in shapes))


def _models(endpoints: Iterable[EndpointInfo], allowed: Sequence[str] | None) -> list[Entry]:
    return [
        Entry(model, model, endpoint)
        for endpoint in endpoints
        for model in endpoint.models
        if _allows(allowed, model)
    ]


def _allows(allowed: Sequence[str] | None, name: str) -> bool:
    return allowed is None or ALL in allowed or name in allowed
