"""The channels in use, kept in memory and validated by one cheap query.

Reading is for database threads and sync views; a change made by any process is seen by the next
request of every process.
"""

from dataclasses import dataclass, replace

import structlog
from django.conf import settings

from librechat_backend.lib import json
from librechat_backend.lib.compiled import CompiledQuery
from librechat_backend.lib.crypto import UndecryptableSecret, decrypt
from librechat_backend.lib.json import JSONDict
from providers.environment import demo_channel, environment_channels
from providers.models import Channel, ChannelVersion
from providers.registry import SERVICES, Service
from providers.route_table import ChannelSnapshot, Key, ModelAlias, NameRule, RouteTable
from providers.rows import ChannelRow, read_channel_row, read_routing_rows

log = structlog.get_logger(__name__)

_NO_RELAY = frozenset({"demo"})
_AS_THEY_ARE = (
    "rollout_percent", "requests_per_minute", "tokens_per_minute", "parallel_requests", "priority",
    "connect_timeout_seconds", "first_event_timeout_seconds", "idle_timeout_seconds",
    "menu_label", "icon_url", "menu_order", "title_model",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Stored:
    """The rows as they were under ``stamp``."""

    stamp: str
    table: RouteTable


_cached: _Stored | None = None


def current_table(stamp: str | None = None) -> RouteTable:
    """What can be called: rows, environment, and the demo while it is wanted.

    ``stamp``: the channels' stamp, where the caller has read it in this request already. At most
    one query besides that of the stamp; none while nothing has changed.
    """
    stored = _stored_table(stamp)
    channels = (*stored.channels, *map(_through_relay, environment_channels()))
    wants_demo = settings.DEMO_PROVIDER == "true" or (
        settings.DEMO_PROVIDER == "auto" and not channels
    )
    return replace(stored, channels=(*channels, demo_channel()) if wants_demo else channels)


def current_channels(stamp: str | None = None) -> tuple[ChannelSnapshot, ...]:
    return current_table(stamp).channels


_STAMP = CompiledQuery(lambda: ChannelVersion.objects.values_list("stamp", flat=True)[:1])


def _stored_table(stamp: str | None) -> RouteTable:
    global _cached
    # The stamp is read before the rows: rows that are newer than it are read again next time.
    if stamp is None:
        stamp = _STAMP.first() or ""
    cached = _cached
    if cached is None or cached.stamp != stamp:
        cached = _cached = _Stored(stamp, _read_table())
    return cached.table


def _read_table() -> RouteTable:
    rows = read_routing_rows()
    channels = tuple(filter(None, map(_snapshot, rows.channels)))
    aliases = (_alias(row) for row in rows.aliases)
    return RouteTable(
        channels=channels,
        aliases={alias.name: alias for alias in aliases},
        rules=tuple(NameRule(row["pattern"], row["channel_id"]) for row in rows.rules),
    )


def _alias(row: JSONDict) -> ModelAlias:
    return ModelAlias(
        name=row["name"],
        target=row["target"],
        hard_target=row["hard_target"],
        fallbacks=tuple(row["fallbacks"]),
        fallbacks_if_too_long=tuple(row["fallbacks_if_too_long"]),
        fallbacks_if_filtered=tuple(row["fallbacks_if_filtered"]),
    )


def snapshot_of(channel: Channel) -> ChannelSnapshot | None:
    """As it is stored, active or not; None for a channel that cannot be called: unknown service,
    or a key is missing."""
    return _snapshot(read_channel_row(channel.pk))


def _snapshot(row: ChannelRow) -> ChannelSnapshot | None:
    columns = row.columns
    service = SERVICES.get(columns["kind"])
    if service is None:
        log.warning("channel_unusable", channel=columns["name"], reason="unknown service")
        return None
    keys = tuple(filter(None, map(_decrypted, row.keys)))
    if not keys and service.needs_key:
        log.warning("channel_unusable", channel=columns["name"], reason="no usable key")
        return None
    return _through_relay(_filled_in(row, service, keys))


def _filled_in(row: ChannelRow, service: Service, keys: tuple[Key, ...]) -> ChannelSnapshot:
    columns = row.columns
    options = {name: str(value) for name, value in columns["options"].items()}
    overrides = columns["parameter_overrides"].items()
    return ChannelSnapshot(
        id=columns["id"],
        name=columns["name"],
        kind=columns["kind"],
        endpoint=columns["endpoint"] or service.endpoint,
        base_url=columns["base_url"] or service.address(options),
        models=tuple(columns["model_names"]) or service.default_models,
        keys=keys or (Key(""),),
        model_mapping=tuple(columns["model_mapping"].items()),
        headers=tuple((name, str(value)) for name, value in columns["headers"].items()),
        options=tuple(service.with_defaults(options).items()),
        overrides=tuple((name, json.dumps(value).decode()) for name, value in overrides),
        relay_url=columns["relay_url"],
        relay_key=_secret(columns["encrypted_relay_key"], f"relay of {columns['name']}"),
        group_ids=None if columns["is_for_everyone"] else frozenset(row.group_ids),
        weight=max(columns["weight"], 1),
        **{name: columns[name] for name in _AS_THEY_ARE},
    )


def _through_relay(channel: ChannelSnapshot) -> ChannelSnapshot:
    """The relay of the whole server, for channels without one of their own."""
    if channel.relay_url or not settings.RELAY_PROXY_URL or channel.kind in _NO_RELAY:
        return channel
    return replace(channel, relay_url=settings.RELAY_PROXY_URL, relay_key=settings.RELAY_PROXY_KEY)


def _decrypted(key: JSONDict) -> Key | None:
    secret = _secret(key["encrypted"], key["id"])
    return Key(secret, key["id"]) if secret else None


def _secret(encrypted: str, name: str) -> str:
    """Empty where there is none, or none that can be read."""
    try:
        return decrypt(encrypted) if encrypted else ""
    except UndecryptableSecret:
        log.error("channel_key_unusable", key_id=name, reason="written under another CREDS_KEY")
        return ""
