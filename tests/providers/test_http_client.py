"""Connections to providers: kept for the next request, and not for longer."""

import asyncio

import pytest

from providers import http_client
from providers.http_client import Pool, split_address

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"


class Provider:
    """Answers everything, never closes; ``open`` connections."""

    def __init__(self) -> None:
        self.open = self.seen = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        self.seen += 1
        while await reader.read(4096):
            await asyncio.sleep(0.02)
            writer.write(ANSWER)
        self.open -= 1
        writer.close()

    async def __aenter__(self) -> str:
        self._server = await asyncio.start_server(self.serve, "127.0.0.1")
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"

    async def __aexit__(self, *error: object) -> None:
        self._server.close()


async def ask(pool: Pool, url: str) -> None:
    address, host, target = split_address(url)
    head = f"POST {target} HTTP/1.1\r\nhost: {host}\r\ncontent-length: 0\r\n\r\n".encode()
    exchange = await pool.request(address, head, connect_seconds=5, answer_seconds=5)
    assert await exchange.read(100) == b"hi"
    exchange.close()


async def test_connections_are_used_again() -> None:
    provider, pool = Provider(), Pool()
    async with provider as url:
        for _ in range(5):
            await ask(pool, url)
        assert (provider.open, provider.seen) == (1, 1)
        pool.close()


async def test_connections_nobody_uses_again_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_client, "IDLE_SECONDS", 0.2)
    provider, pool = Provider(), Pool()
    async with provider as url:
        await asyncio.gather(*(ask(pool, url) for _ in range(8)))
        assert provider.open == 8
        for _ in range(100):
            if not provider.open:
                break
            await asyncio.sleep(0.02)
        assert provider.open == 0
        assert not pool._idle
        await ask(pool, url)
        assert provider.seen == 9
        pool.close()
