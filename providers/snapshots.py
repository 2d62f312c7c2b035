"""The channels in use, kept in memory and validated by one cheap query.

Reading is for database threads and sync views; a change made by any process is seen by the next
request of every process.
"""

import structlog
from django.conf import settings

from librechat_backend.lib.crypto import UndecryptableSecret, decrypt
from providers.environment import demo_channel, environment_channels
from providers.models import Channel, ChannelKey, ChannelVersion
from providers.registry import SERVICES
from providers.routing import ChannelSnapshot, Key

log = structlog.get_logger(__name__)

_cached: tuple[str, tuple[ChannelSnapshot, ...]] = ("", ())


def current_channels() -> tuple[ChannelSnapshot, ...]:
    """Active channels that can be called: rows, environment, and the demo while it is wanted."""
    channels = (*_stored_channels(), *environment_channels())
    wants_demo = settings.DEMO_PROVIDER == "true" or (
        settings.DEMO_PROVIDER == "auto" and not channels
    )
    return (*channels, demo_channel()) if wants_demo else channels


def _stored_channels() -> tuple[ChannelSnapshot, ...]:
    global _cached
    # The stamp is read before the rows: rows that are newer than it are read again next time.
    stamp = ChannelVersion.objects.values_list("stamp", flat=True).first() or ""
    if stamp and _cached[0] == stamp:
        return _cached[1]
    rows = Channel.objects.usable()
    channels = tuple(filter(None, map(snapshot_of, rows)))
    _cached = (stamp, channels)
    return channels


def snapshot_of(channel: Channel) -> ChannelSnapshot | None:
    """None for a channel that cannot be called: unknown service, or a key is missing."""
    service = SERVICES.get(channel.kind)
    if service is None:
        log.warning("channel_unusable", channel=channel.name, reason="unknown service")
        return None
    keys = _keys(channel)
    if not keys and service.needs_key:
        log.warning("channel_unusable", channel=channel.name, reason="no usable key")
        return None
    options = {name: str(value) for name, value in channel.options.items()}
    return ChannelSnapshot(
        id=channel.id,
        name=channel.name,
        kind=channel.kind,
        endpoint=channel.endpoint or service.endpoint,
        base_url=channel.base_url or service.address(options),
        models=tuple(channel.model_names) or service.default_models,
        keys=keys or (Key(""),),
        model_mapping=tuple(channel.model_mapping.items()),
        headers=tuple((name, str(value)) for name, value in channel.headers.items()),
        options=tuple(service.with_defaults(options).items()),
        priority=channel.priority,
        weight=max(channel.weight, 1),
        first_event_timeout_seconds=channel.first_event_timeout_seconds,
        idle_timeout_seconds=channel.idle_timeout_seconds,
    )


def _keys(channel: Channel) -> tuple[Key, ...]:
    active = (key for key in channel.keys.all() if key.is_active)
    return tuple(filter(None, map(_decrypted, active)))


def _decrypted(key: ChannelKey) -> Key | None:
    try:
        return Key(decrypt(key.encrypted), key.id)
    except UndecryptableSecret:
        log.error("channel_key_unusable", key_id=key.id, reason="written under another CREDS_KEY")
        return None
