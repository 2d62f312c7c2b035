"""Changes to channels. Each changes the stamp by which processes notice (providers/snapshots)."""

from collections.abc import Sequence

from django.db import transaction

from librechat_backend.lib.crypto import encrypt
from librechat_backend.lib.ids import new_uuid
from providers.health import board
from providers.models import (
    Channel,
    ChannelKey,
    ChannelVersion,
    KeyHealth,
    ModelAlias,
    NameRule,
)

_HINT_LENGTH = 4


@transaction.atomic
def save_channel(*, channel: Channel) -> Channel:
    channel.save()
    announce_change()
    return channel


@transaction.atomic
def save_channel_with_keys(*, channel: Channel, secrets: Sequence[str]) -> Channel:
    """``secrets``, where there are any, take the place of all keys there are.

    Saving locks the channel, so of two who do this at once one has the last word.
    """
    save_channel(channel=channel)
    if secrets:
        channel.keys.all().delete()
        KeyHealth.objects.filter(channel_id=channel.pk).delete()
    for secret in secrets:
        add_key(channel=channel, secret=secret)
    return channel


@transaction.atomic
def delete_channel(*, channel: Channel) -> None:
    KeyHealth.objects.filter(channel_id=channel.pk).delete()
    channel.delete()
    announce_change()


@transaction.atomic
def save_route(*, row: ModelAlias | NameRule) -> None:
    row.save()
    announce_change()


@transaction.atomic
def delete_route(*, row: ModelAlias | NameRule) -> None:
    row.delete()
    announce_change()


def end_rest(*, channel_id: str) -> int:
    """Let keys that rest be tried again at once; how many there were."""
    count, _ = KeyHealth.objects.filter(channel_id=channel_id).delete()
    board.forget()
    return count


@transaction.atomic
def add_key(*, channel: Channel, secret: str, label: str = "") -> ChannelKey:
    key = ChannelKey(channel=channel, label=label)
    return set_secret(key=key, secret=secret)


@transaction.atomic
def set_secret(*, key: ChannelKey, secret: str) -> ChannelKey:
    seal_secret(key=key, secret=secret)
    key.save()
    KeyHealth.objects.of(key.channel_id, key.pk).delete()
    announce_change()
    return key


def seal_relay_key(*, channel: Channel, secret: str) -> None:
    """Put the relay's key into an unsaved ``channel``."""
    channel.encrypted_relay_key = encrypt(secret.strip())


def seal_secret(*, key: ChannelKey, secret: str) -> None:
    """Put ``secret`` into an unsaved ``key``. Of a short one no character is shown."""
    secret = secret.strip()
    key.encrypted = encrypt(secret)
    key.hint = secret[-_HINT_LENGTH:] if len(secret) >= 3 * _HINT_LENGTH else ""


@transaction.atomic
def set_models(*, channel: Channel, names: list[str]) -> None:
    channel.model_names = names
    channel.save(update_fields=["model_names", "updated_at"])
    announce_change()


def announce_change() -> None:
    """Let every process read the channels anew. Call it in the transaction of the change."""
    ChannelVersion.objects.update_or_create(
        id=ChannelVersion.SINGLE_ID, defaults={"stamp": new_uuid()}
    )
