"""SDK clients, kept for their connection pools; bounded, one set for each event loop.

Below every SDK is aiohttp, with a connector that asks the guard (providers/guard.py) before each
connection. Redirects are not followed: keys go to the address that was entered and to no other.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from weakref import WeakKeyDictionary

from providers.guard import RefusedAddress, require_allowed

if TYPE_CHECKING:
    from aiohttp import TCPConnector

LIMIT = 64
IDLE_SECONDS = 30

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


def guarded_connector(**options: Any) -> TCPConnector:
    """What is checked are the addresses that are connected to, whoever named them."""
    from aiohttp import TCPConnector

    class GuardedConnector(TCPConnector):
        async def _resolve_host(self, host: str, port: int, traces: Any = None) -> Any:
            found = await super()._resolve_host(host, port, traces)
            require_allowed(host, port, [each["host"] for each in found])
            return found

    # 0: aiohttp counts no connections; how many run is the server's business.
    return GuardedConnector(limit=0, keepalive_timeout=IDLE_SECONDS, **options)


def http_client(sdk: Any, *, connect_seconds: float) -> Any:
    """The HTTP client for an SDK: ``sdk`` is its module. No read limit: the watchdog has its own.

    Behind a proxy of the environment, connections are the proxy's.
    """
    import aiohttp
    import httpx2

    class GuardedClient(sdk.DefaultAioHttpClient):  # type: ignore[misc]
        def _init_transport(self, **options: Any) -> Any:
            transport = super()._init_transport(**options)
            transport.client = lambda: aiohttp.ClientSession(
                connector=guarded_connector(ssl=transport.ssl_context)
            )
            return transport

    timeout = httpx2.Timeout(None, connect=connect_seconds)
    return GuardedClient(timeout=timeout, follow_redirects=False)


def refused_address(error: BaseException | None) -> RefusedAddress | None:
    """The guard's word, from below what an SDK has made of it."""
    while error is not None and not isinstance(error, RefusedAddress):
        error = error.__cause__ or error.__context__
    return error


def is_transport_error(error: Exception) -> bool:
    """Whether the connection broke: below the SDKs are httpx2 and, below it, aiohttp."""
    import aiohttp
    import httpx2

    return isinstance(error, httpx2.HTTPError | httpx2.StreamError | aiohttp.ClientError)
