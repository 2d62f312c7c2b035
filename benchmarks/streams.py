"""How many steady streams (50 chunks a second each) one process keeps up with."""

import asyncio

from benchmarks.client import Client, Turn
from benchmarks.report import Row, at_least, figure, median, percentile
from benchmarks.setup import cpu_seconds, people, product, upstream

MODEL, SMOKE_MODEL, PAUSE_SECONDS = "chunks-500-20", "chunks-100-20", 0.02
STARTS_PER_SECOND = 50
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
    """Lateness of the text that arrives while all streams run, and the seconds it all took."""
    model = SMOKE_MODEL if smoke else MODEL
    loop = asyncio.get_running_loop()
    begin = loop.time()

    async def one(number: int) -> Turn:
        await asyncio.sleep(number / STARTS_PER_SECOND)
        return await clients[number % len(clients)].turn(model)

    turns = await asyncio.gather(*(one(number) for number in range(count)))
    all_run_from = max(turn.first_text_at for turn in turns)
    late = [ms for turn in turns for ms in _lateness(turn, all_run_from)]
    return late, loop.time() - begin


def _lateness(turn: Turn, since: float) -> list[float]:
    """Against the provider's grid, which the quickest piece of the stream shows.

    Frames may carry several pieces; each frame is as late as its last one.
    """
    offsets = [at - pieces * PAUSE_SECONDS for at, pieces in turn.text_at]
    quickest = min(offsets)
    pairs = zip(turn.text_at, offsets, strict=True)
    return [1000 * (offset - quickest) for (at, _), offset in pairs if at >= since]
