"""How many steady streams (50 chunks a second each) one process keeps up with."""

import asyncio

from benchmarks.client import Client, Turn
from benchmarks.report import Row, at_least, figure, median, percentile
from benchmarks.setup import cpu_seconds, people, product, upstream

MODEL, CHUNKS, PAUSE_SECONDS = "chunks-250-20", 250, 0.02
SMOKE_MODEL, SMOKE_CHUNKS = "chunks-100-20", 100
LATE_LIMIT_MS = 100.0
STREAMS_TARGET = 200


def run(*, smoke: bool) -> list[Row]:
    """Steps up until the 99th percentile of lateness passes LATE_LIMIT_MS."""
    steps = [20] if smoke else [20, 100, 200, 300, 400]
    kept, rows = 0, []
    with upstream() as port, product(port) as server:
        clients = people(server, 4)
        for count in steps:
            before = cpu_seconds(server)
            late, wall = asyncio.run(_late_ms(clients, count, smoke=smoke))
            load = (cpu_seconds(server) - before) / wall
            p50, p99 = median(late), percentile(late, 0.99)
            rows.append(figure(
                f"{count} streams of 50 chunks/s: late p50 / p99, CPU",
                f"{p50:.1f} / {p99:.1f} ms, {100 * load:.0f} %",
            ))  # fmt: skip
            if p99 > LATE_LIMIT_MS:
                break
            kept = count
    if not smoke:
        rows.insert(0, at_least("live streams of 50 chunks/s kept up", kept, STREAMS_TARGET, ""))
    return rows


async def _late_ms(clients: list[Client], count: int, *, smoke: bool) -> tuple[list[float], float]:
    """Lateness of each piece of text against its stream's own grid, and the seconds it took."""
    model = SMOKE_MODEL if smoke else MODEL
    loop = asyncio.get_running_loop()
    begin = loop.time()

    async def one(number: int) -> Turn:
        await asyncio.sleep(number * 0.01)  # nobody starts 400 chats in one instant
        return await clients[number % len(clients)].turn(model)

    turns = await asyncio.gather(*(one(number) for number in range(count)))
    late = [ms for turn in turns for ms in _lateness(turn)]
    return late, loop.time() - begin


def _lateness(turn: Turn) -> list[float]:
    """Frames may carry several chunks, so the clock is what the text amounts to."""
    pieces = len(turn.text_at)
    grid = (turn.text_at[0] + index * PAUSE_SECONDS for index in range(pieces))
    return [1000 * max(0.0, at - due) for at, due in zip(turn.text_at, grid, strict=True)]
