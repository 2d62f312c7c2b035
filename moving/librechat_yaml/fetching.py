"""Models of channels whose file says that they are fetched."""

import asyncio
from collections.abc import Iterable, Iterator

from providers import client, services
from providers.errors import ProviderError
from providers.models import Channel
from providers.route_table import ChannelSnapshot
from providers.snapshots import snapshot_of


def fetch_models(channel_ids: Iterable[str]) -> Iterator[str]:
    """What the services list takes the place of what the file lists; a line for each channel."""
    for channel in Channel.objects.filter(pk__in=list(channel_ids), is_active=True):
        snapshot = snapshot_of(channel)
        if snapshot is None:
            continue
        try:
            names = asyncio.run(_fetched(snapshot))
        except ProviderError as error:
            yield f"{channel}: its models could not be fetched: {error.message}"
            continue
        services.set_models(channel=channel, names=names)
        yield f"{channel}: {len(names)} models"


async def _fetched(channel: ChannelSnapshot) -> list[str]:
    try:
        return await client.fetch_models(channel)
    finally:
        await client.close()
