"""The rows that make up the route table, read in one query whatever their number."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.db.models import F, QuerySet, Value
from django.db.models.functions import JSONObject

from librechat_backend.lib import json
from librechat_backend.lib.json import JSONDict, JSONValue
from providers.models import Channel, ChannelKey, ModelAlias, NameRule

_CHANNEL_COLUMNS = (
    "id", "name", "kind", "endpoint", "base_url", "model_names", "model_mapping", "headers",
    "options", "parameter_overrides", "relay_url", "encrypted_relay_key", "is_for_everyone",
    "rollout_percent", "requests_per_minute", "tokens_per_minute", "parallel_requests", "priority",
    "weight", "connect_timeout_seconds", "first_event_timeout_seconds", "idle_timeout_seconds",
    "menu_label", "icon_url", "menu_order", "title_model",
)  # fmt: skip
_KEY_COLUMNS = ("id", "channel_id", "encrypted", "created_at")
_MEMBER_COLUMNS = ("channel_id", "group_id")
_ALIAS_COLUMNS = (
    "name", "target", "hard_target", "fallbacks", "fallbacks_if_too_long", "fallbacks_if_filtered",
)  # fmt: skip
_RULE_COLUMNS = ("pattern", "channel_id", "order")
# SQLite hands these over as text inside the document.
_JSON_COLUMNS = frozenset(
    {
        "model_names", "model_mapping", "headers", "options", "parameter_overrides", "fallbacks",
        "fallbacks_if_too_long", "fallbacks_if_filtered",
    }
)  # fmt: skip


@dataclass
class ChannelRow:
    """``columns`` of a channel, its active ``keys`` oldest first, and its groups."""

    columns: JSONDict
    keys: list[JSONDict] = field(default_factory=list)
    group_ids: set[int] = field(default_factory=set)


@dataclass
class RoutingRows:
    """Channels by priority and name; aliases by name; rules in the order they are asked."""

    channels: list[ChannelRow]
    aliases: list[JSONDict]
    rules: list[JSONDict]


def read_routing_rows() -> RoutingRows:
    """Everything active. One query."""
    channels = Channel.objects.filter(is_active=True)
    return _assembled(
        _documents("channel", channels, _CHANNEL_COLUMNS).union(
            *_parts(channels),
            _documents("alias", ModelAlias.objects.filter(is_active=True), _ALIAS_COLUMNS),
            _documents("rule", NameRule.objects.filter(is_active=True), _RULE_COLUMNS),
            all=True,
        )
    )


def read_channel_row(channel_id: str) -> ChannelRow:
    """One channel, active or not. One query."""
    channel = Channel.objects.filter(pk=channel_id)
    documents = _documents("channel", channel, _CHANNEL_COLUMNS)
    (row,) = _assembled(documents.union(*_parts(channel), all=True)).channels
    return row


def _parts(channels: QuerySet[Channel]) -> Iterator[QuerySet[Any, Any]]:
    ids = channels.order_by().values("pk")
    keys = ChannelKey.objects.filter(is_active=True, channel__in=ids)
    members = Channel.groups.through._default_manager.filter(channel__in=ids)
    yield _documents("key", keys, _KEY_COLUMNS)
    yield _documents("member", members, _MEMBER_COLUMNS)


def _documents(kind: str, rows: QuerySet[Any], columns: Iterable[str]) -> QuerySet[Any, Any]:
    document = JSONObject(**{name: F(name) for name in columns})
    return rows.order_by().values_list(Value(kind), document)


def _assembled(documents: Iterable[tuple[str, JSONValue]]) -> RoutingRows:
    by_kind: dict[str, list[JSONDict]] = {}
    for kind, document in documents:
        by_kind.setdefault(kind, []).append(_parsed(document))
    channels = {row["id"]: ChannelRow(row) for row in sorted(by_kind.get("channel", []), key=_rank)}
    for key in sorted(by_kind.get("key", []), key=lambda key: (key["created_at"], key["id"])):
        channels[key["channel_id"]].keys.append(key)
    for member in by_kind.get("member", []):
        channels[member["channel_id"]].group_ids.add(member["group_id"])
    rules = sorted(by_kind.get("rule", []), key=lambda rule: (rule["order"], rule["pattern"]))
    return RoutingRows(list(channels.values()), by_kind.get("alias", []), rules)


def _rank(channel: JSONDict) -> tuple[int, str]:
    return -channel["priority"], channel["name"]


def _parsed(document: JSONDict) -> JSONDict:
    return {
        name: json.loads(value) if name in _JSON_COLUMNS and isinstance(value, str) else value
        for name, value in document.items()
    }
