"""Whole chat turns over HTTP: POST, persist, stream, persist."""

import asyncio
import time

from benchmarks.client import Client, Turn
from benchmarks.report import Row, at_least, at_most, figure, median, percentile
from benchmarks.setup import people, product, upstream

MODEL = "chunks-20-0"
FIRST_TOKEN_TARGET_MS = 15.0
TURNS_TARGET = 100.0


def run(*, smoke: bool, **env: str) -> list[Row]:
    """One process; ``env`` chooses database, Redis and workers."""
    turns, at_once = (40, 8) if smoke else (600, 16)
    with upstream() as port, product(port, **env) as server:
        clients = people(server, 4)
        return asyncio.run(_measure(clients, turns, at_once, env))


async def _measure(
    clients: list[Client], turns: int, at_once: int, env: dict[str, str]
) -> list[Row]:
    await asyncio.gather(*(client.turn(MODEL) for client in clients))  # warm-up
    alone = [await clients[0].turn(MODEL) for _ in range(max(10, turns // 10))]
    begin = time.perf_counter()
    done = await _crowd(clients, turns, at_once)
    speed = turns / (time.perf_counter() - begin)
    database = "PostgreSQL" if env.get("DATABASE_URL") else "SQLite"
    name = f"{database}, {env.get('WORKERS', '1')} process(es)"
    waits = [1000 * (turn.first_text_at - turn.posted_at) for turn in alone]
    crowd_waits = [1000 * (turn.first_text_at - turn.posted_at) for turn in done]
    rows = [
        figure(f"{name}: POST → first text, one at a time, p50 / p95",
               f"{median(waits):.1f} / {percentile(waits, 0.95):.1f} ms"),
        figure(f"{name}: the same, {at_once} at a time",
               f"{median(crowd_waits):.0f} / {percentile(crowd_waits, 0.95):.0f} ms"),
    ]  # fmt: skip
    if env.get("WORKERS") == "2":
        return [*rows, at_least(f"{name}: turns", speed, TURNS_TARGET, "/s")]
    return [
        at_most(f"{name}: POST → first text, p50", median(waits), FIRST_TOKEN_TARGET_MS, "ms"),
        *rows,
        figure(f"{name}: turns, {at_once} at a time", f"{speed:.0f} /s"),
    ]


async def _crowd(clients: list[Client], turns: int, at_once: int) -> list[Turn]:
    done: list[Turn] = []

    async def person(client: Client) -> None:
        for _ in range(turns // at_once):
            done.append(await client.turn(MODEL))

    await asyncio.gather(*(person(clients[i % len(clients)]) for i in range(at_once)))
    return done
