"""Changes to channels. Each changes the stamp by which processes notice (providers/snapshots)."""

from django.db import transaction

from librechat_backend.lib.crypto import encrypt
from librechat_backend.lib.ids import new_uuid
from providers.models import Channel, ChannelKey, ChannelVersion

_HINT_LENGTH = 4


@transaction.atomic
def save_channel(*, channel: Channel) -> Channel:
    channel.save()
    announce_change()
    return channel


@transaction.atomic
def delete_channel(*, channel: Channel) -> None:
    channel.delete()
    announce_change()


@transaction.atomic
def add_key(*, channel: Channel, secret: str, label: str = "") -> ChannelKey:
    key = ChannelKey(channel=channel, label=label)
    return set_secret(key=key, secret=secret)


@transaction.atomic
def set_secret(*, key: ChannelKey, secret: str) -> ChannelKey:
    """Store ``secret`` encrypted. Of a short one no character is shown."""
    secret = secret.strip()
    key.encrypted = encrypt(secret)
    key.hint = secret[-_HINT_LENGTH:] if len(secret) >= 3 * _HINT_LENGTH else ""
    key.save()
    announce_change()
    return key


def announce_change() -> None:
    """Let every process read the channels anew. Call it in the transaction of the change."""
    ChannelVersion.objects.update_or_create(
        id=ChannelVersion.SINGLE_ID, defaults={"stamp": new_uuid()}
    )
