"""Ten thousand readers who wait: memory for each, nobody dropped."""

import asyncio
import resource

from benchmarks.client import Client
from benchmarks.report import Row, at_most, figure
from benchmarks.setup import memory_bytes, people, product, upstream
from tests.live import LiveServer

READERS_PER_GENERATION = 100
MEMORY_TARGET_KB = 40.0


def run(*, smoke: bool) -> list[Row]:
    readers = 500 if smoke else 10_000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with upstream() as port, product(port) as server:
        client = people(server, 1)[0]
        per_reader_kb, dropped = asyncio.run(_measure(server, client, readers))
    return [
        at_most(f"memory for each of {readers:,} open, idle streams", per_reader_kb,
                MEMORY_TARGET_KB, "kB"),
        figure("of these dropped", str(dropped)),
    ]  # fmt: skip


async def _measure(server: LiveServer, client: Client, readers: int) -> tuple[float, int]:
    started = [
        (await client.start("silent"))["streamId"] for _ in range(readers // READERS_PER_GENERATION)
    ]
    before = memory_bytes(server)
    connections = []
    for number in range(readers):
        connections.append(await _open(client, started[number % len(started)]))
    await asyncio.sleep(2)
    used = memory_bytes(server) - before
    dropped = sum(reader.at_eof() for reader, _ in connections)
    for _, writer in connections:
        writer.close()
    return used / readers / 1000, dropped


async def _open(
    client: Client, stream_id: str
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A stream whose first event has arrived."""
    reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
    writer.write(
        f"GET /api/agents/chat/stream/{stream_id} HTTP/1.1\r\nhost: localhost\r\n"
        f"authorization: Bearer {client.token}\r\n\r\n".encode()
    )
    while not (await reader.readline()).startswith(b"data: "):
        if reader.at_eof():
            raise RuntimeError("the stream was refused")
    return reader, writer
