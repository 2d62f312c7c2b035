"""SDK clients, kept for their connection pools; bounded, one set for each event loop."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

LIMIT = 64

C = TypeVar("C")


@dataclass
class _Entry(Generic[C]):
    client: C
    users: int = 0


class ClientCache(Generic[C]):
    """Clients by what they were made from. A client in use is never closed.

    ``sdk`` is the module they come from. Importing it takes seconds, so that happens beside the
    event loop, before the first client is made.
    """

    def __init__(self, close: Callable[[C], Any], *, sdk: str) -> None:
        self._close = close
        self._sdk = sdk
        self._is_imported = False
        self._loops: WeakKeyDictionary[
            asyncio.AbstractEventLoop, OrderedDict[Hashable, _Entry[C]]
        ] = WeakKeyDictionary()

    @asynccontextmanager
    async def borrow(self, key: Hashable, make: Callable[[], C]) -> AsyncGenerator[C, None]:
        if not self._is_imported:
            await asyncio.to_thread(import_module, self._sdk)
            self._is_imported = True
        entries = self._entries()
        entry = entries.get(key) or entries.setdefault(key, _Entry(make()))
        entries.move_to_end(key)
        entry.users += 1
        try:
            yield entry.client
        finally:
            entry.users -= 1
            await self._shrink(entries, LIMIT)

    async def close(self) -> None:
        """Close the idle clients of the running loop."""
        await self._shrink(self._entries(), 0)

    def _entries(self) -> OrderedDict[Hashable, _Entry[C]]:
        return self._loops.setdefault(asyncio.get_running_loop(), OrderedDict())

    async def _shrink(self, entries: OrderedDict[Hashable, _Entry[C]], limit: int) -> None:
        idle = [key for key, entry in entries.items() if not entry.users]
        for key in idle[: max(len(entries) - limit, 0)]:
            await self._close(entries.pop(key).client)


def is_transport_error(error: Exception) -> bool:
    """Whether the connection broke: below the SDKs are httpx2 and, below it, aiohttp."""
    import aiohttp
    import httpx2

    return isinstance(error, httpx2.HTTPError | httpx2.StreamError | aiohttp.ClientError)
