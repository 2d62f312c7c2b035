import asyncio
import json
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from tests.processes import start_fake_provider


class Fake:
    """The fake provider process, as tests see it."""

    def __init__(self, url: str) -> None:
        self.url = url

    def _get(self, path: str, method: str = "GET") -> Any:
        request = urllib.request.Request(self.url + path, method=method)  # noqa: S310
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310
            return json.load(response)

    def forget(self) -> None:
        self._get("/requests", "DELETE")

    def received(self) -> list[dict[str, Any]]:
        """Each request's ``path``, ``headers`` (those with keys) and ``body``."""
        requests: list[dict[str, Any]] = self._get("/requests")
        return requests

    def body(self) -> dict[str, Any]:
        (request,) = self.received()
        body: dict[str, Any] = request["body"]
        return body

    def active(self) -> int:
        count: int = self._get("/active")["active"]
        return count

    async def becomes(self, active: int, *, within_seconds: float) -> bool:
        """Whether so many answers are in progress before the time is over."""
        deadline = time.monotonic() + within_seconds
        while time.monotonic() < deadline:
            if await asyncio.to_thread(self.active) == active:
                return True
            await asyncio.sleep(0.01)
        return False


@pytest.fixture(scope="session")
def fake_process() -> Iterator[Fake]:
    with start_fake_provider() as url:
        yield Fake(url)


@pytest.fixture
def fake(fake_process: Fake) -> Fake:
    fake_process.forget()
    return fake_process


@pytest.fixture(autouse=True)
async def _closed_clients() -> AsyncIterator[None]:
    from providers.client import close

    yield
    await close()
