"""How processes talk about generations: each listens on a channel of its own (Channels)."""

from contextlib import suppress

import structlog
from channels.exceptions import ChannelFull
from channels.layers import get_channel_layer

from conversations.models import Generation

ABORT = "generation.abort"

log = structlog.get_logger(__name__)


async def new_process_name() -> str:
    """The name of this process: a channel only it listens to."""
    name: str = await get_channel_layer().new_channel("generations")
    return name


async def ask_to_abort(generation: Generation) -> None:
    """Ask the owner to stop. A dead owner never answers; the caller must not wait for ever."""
    with suppress(ChannelFull):
        await get_channel_layer().send(
            generation.process, {"type": ABORT, "generation_id": generation.id}
        )
