"""Open connections whose address is banned meanwhile: they are looked for, and told to close.

Requests hear of a ban when they come; a WebSocket came before it. What runs for such an address
ends by the heartbeat of its generation (services/generations.py).
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from weakref import WeakKeyDictionary

import structlog
from django.db import DatabaseError

from accounts.models.stamp import current_stamp
from accounts.services.bans import BannedAddresses, banned_addresses
from librechat_backend.lib.aio import in_database, spawn

WATCH_SECONDS = 2.0

log = structlog.get_logger(__name__)

TurnAway = Callable[[], Awaitable[None]]


class _Doorkeeper:
    """Of one event loop; nothing is asked while nobody is there."""

    def __init__(self) -> None:
        self.guests: dict[TurnAway, str] = {}
        self._is_watching = False

    def watch(self) -> None:
        if not self._is_watching:
            self._is_watching = True
            spawn(self._keep_looking(), name="banned connections")

    async def _keep_looking(self) -> None:
        try:
            while self.guests:
                await asyncio.sleep(WATCH_SECONDS)
                try:
                    banned = await in_database(_banned_now)
                except DatabaseError as error:
                    log.warning("bans_unreadable", reason=str(error))
                else:
                    await self._turn_away(banned)
        finally:
            self._is_watching = False

    async def _turn_away(self, banned: BannedAddresses) -> None:
        now = datetime.now(UTC)
        for turn_away, address in list(self.guests.items()):
            if banned.holds(address, now):
                self.guests.pop(turn_away, None)
                await turn_away()


def _banned_now() -> BannedAddresses:
    return banned_addresses(current_stamp())


_doorkeepers: WeakKeyDictionary[asyncio.AbstractEventLoop, _Doorkeeper] = WeakKeyDictionary()


@contextmanager
def watched(ip_address: str, turn_away: TurnAway) -> Iterator[None]:
    """``turn_away`` is called once, soon after a ban on ``ip_address``."""
    keeper = _doorkeepers.setdefault(asyncio.get_running_loop(), _Doorkeeper())
    keeper.guests[turn_away] = ip_address
    keeper.watch()
    try:
        yield
    finally:
        keeper.guests.pop(turn_away, None)
