"""``/v1`` beside LiteLLM's proxy and Portkey's gateway: one process each, the same upstream and
load, rounds in turns.
"""

import json
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from benchmarks.peers import Peer, peers
from benchmarks.report import Row, at_least, at_most, figure, median, percentile
from benchmarks.setup import MODELS, PASSWORD, ROOT, cpu_seconds, product, upstream
from tests.live import LiveServer

PATH = "/v1/chat/completions"
ROUNDS, SECONDS = 3, 4.0
OURS, DIRECT, LITELLM, PORTKEY = "ours", "upstream", "LiteLLM", "Portkey"
STEADY_PAUSE_SECONDS, LATE_LIMIT_MS = 0.02, 100.0
LIMITS = ("--requests-per-minute", "100000000", "--tokens-per-minute", "2000000000")


@dataclass(frozen=True)
class Work:
    name: str
    unit: str
    model: str
    is_stream: bool = True
    counts_pieces: bool = False


WHOLE = Work("non-stream, 32 at a time", "/s", "chunks-1-0", is_stream=False)
SHORT = Work("short streams, 32 at a time", "/s", "chunks-20-0")
RELAY = Work("relaying long streams, 32 at a time", "chunks/s", "chunks-2000-0", counts_pieces=True)


def run(*, smoke: bool) -> list[Row]:
    with upstream() as port, product(port) as server, _others(port, smoke=smoke) as others:
        key = make_key(server, "one@example.com")
        ours = Peer(OURS, server.port, {"authorization": f"Bearer {key}"})
        rows = _throughput([Peer(DIRECT, port), ours, *others], server, smoke=smoke)
        rows += _translated(ours, smoke=smoke)
        rows += _first_token(Peer(DIRECT, port), ours, others, smoke=smoke)
        rows += _sustained(ours, server, smoke=smoke)
        rows += _cached(server, smoke=smoke)
    return rows


@contextmanager
def _others(upstream_port: int, *, smoke: bool) -> Iterator[list[Peer]]:
    """CI installs nobody else's gateway."""
    if smoke:
        yield []
        return
    with peers(upstream_port, MODELS) as found:
        yield found


def make_key(server: LiveServer, email: str, *more: str) -> str:
    server.create_user(email, PASSWORD)
    made = server.manage("create_api_key", email, "--quiet", *LIMITS, *more)
    return made.strip().splitlines()[-1]


def load(peer: Peer, work: Work, *, connections: int = 32, **fields: Any) -> dict[str, Any]:
    body: dict[str, Any] = {
        "model": work.model, "messages": [{"role": "user", "content": "Hello, who are you?"}],
    }  # fmt: skip
    if work.is_stream:
        body["stream"] = True
    spec = {
        "port": peer.port, "path": PATH, "headers": peer.headers, "body": body,
        "connections": connections, **fields,
    }  # fmt: skip
    command = [sys.executable, "-m", "benchmarks.load", json.dumps(spec)]
    done = subprocess.run(  # noqa: S603
        command, cwd=ROOT, check=True, capture_output=True, text=True
    )
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def _throughput(servers: list[Peer], server: LiveServer, *, smoke: bool) -> list[Row]:
    rows: list[Row] = []
    seconds, rounds = (0.3, 1) if smoke else (SECONDS, ROUNDS)
    for work in (WHOLE, SHORT, RELAY):
        rates: dict[str, list[float]] = defaultdict(list)
        costs: list[float] = []
        for _ in range(rounds):
            for peer in servers:
                before = cpu_seconds(server)
                result = load(peer, work, seconds=seconds)
                count = _counted(peer, work, result)
                rates[peer.name].append(count / result["seconds"])
                if peer.name == OURS:
                    costs.append(1e6 * (cpu_seconds(server) - before) / max(count, 1))
        rows += _compared(work, rates, costs)
    return rows


def _counted(peer: Peer, work: Work, result: dict[str, Any]) -> int:
    """Answers or pieces; 0 where some failed: an error is quicker than an answer."""
    if result["failed"]:
        print(f"{peer.name}, {work.name}: {result['failed']} failed, not compared")  # noqa: T201
        return 0
    return int(result["pieces"] if work.counts_pieces else result["answers"])


def _compared(work: Work, rates: dict[str, list[float]], costs: list[float]) -> list[Row]:
    middle = {name: median(values) for name, values in rates.items()}
    text = ", ".join(
        f"{name} {middle[name]:,.0f} ({min(values):,.0f}–{max(values):,.0f})"
        for name, values in rates.items()
    )
    rows = [figure(f"{work.name}, {work.unit}: median (spread)", text)]
    rows.append(figure(f"{work.name}: processor time of ours", f"{median(costs):,.1f} µs each"))
    if work is RELAY:
        rows.append(at_least("relaying, same dialect", middle[OURS], 100_000, "chunks/s"))
    wanted = {LITELLM: None if work is RELAY else 50, PORTKEY: 4 if work is RELAY else 5}
    for name, factor in wanted.items():
        if factor and middle.get(name):
            times = middle[OURS] / middle[name]
            rows.append(at_least(f"{work.name}: against {name}", times, factor, "×"))
    return rows


def _translated(ours: Peer, *, smoke: bool) -> list[Row]:
    """Asked in Anthropic's dialect, answered by an upstream of OpenAI's."""
    body = {
        "model": RELAY.model, "max_tokens": 100, "stream": True,
        "messages": [{"role": "user", "content": "Hello"}],
    }  # fmt: skip
    rates = []
    for _ in range(1 if smoke else ROUNDS):
        result = load(
            ours, RELAY, seconds=0.3 if smoke else SECONDS, path="/v1/messages", body=body
        )
        rates.append(result["pieces"] / result["seconds"])
    return [at_least("relaying, translated", median(rates), 40_000, "chunks/s")]


def _first_token(direct: Peer, ours: Peer, others: list[Peer], *, smoke: bool) -> list[Row]:
    """20 steady streams: the first piece, and how much later than without anybody between."""
    work = Work("", "", "chunks-100-20")
    streams, rounds = (5, 1) if smoke else (20, ROUNDS)
    first: dict[str, list[float]] = defaultdict(list)
    for _ in range(rounds):
        for peer in (direct, ours, *others):
            result = load(peer, work, connections=streams, steady=50)
            if not result["failed"]:
                first[peer.name] += result["first_ms"]
    base = median(first[direct.name])
    added = {name: [ms - base for ms in values] for name, values in first.items()}
    rows = [
        figure(
            f"first token, 20 steady streams, {name}: added p50 / p99",
            f"{median(values):.1f} / {percentile(values, 0.99):.1f} ms",
        )
        for name, values in added.items()
        if name != direct.name
    ]
    mine = added[ours.name]
    rows.append(at_most("first token, added, p50", median(mine), 2.0, "ms"))
    rows.append(at_most("first token, added, p99", percentile(mine, 0.99), 15.0, "ms"))
    return rows


def _sustained(ours: Peer, server: LiveServer, *, smoke: bool) -> list[Row]:
    work = Work("", "", "chunks-100-20" if smoke else "chunks-500-20")
    kept, rows = 0, []
    for count in (20,) if smoke else (100, 200, 350, 500):
        before, began = cpu_seconds(server), time.monotonic()
        result = load(ours, work, connections=count, steady=100, pause_seconds=STEADY_PAUSE_SECONDS)
        share = (cpu_seconds(server) - before) / (time.monotonic() - began)
        late = result["late_ms"]
        p99 = percentile(late, 0.99) if late else 0.0
        rows.append(
            figure(
                f"{count} live streams of 50 chunks/s: late p50 / p99, CPU, failed",
                f"{median(late):.1f} / {p99:.1f} ms, {100 * share:.0f} %, {result['failed']}",
            )
        )
        if p99 > LATE_LIMIT_MS or result["failed"]:
            break
        kept = count
    return [*rows, at_least("live streams kept up", kept, 20 if smoke else 350, "")]


def _cached(server: LiveServer, *, smoke: bool) -> list[Row]:
    key = make_key(server, "two@example.com", "--cache-seconds", "600")
    peer = Peer("", server.port, {"authorization": f"Bearer {key}"})
    result = load(peer, WHOLE, connections=1, seconds=0.3 if smoke else SECONDS)
    return [at_most("exact-cache hit, one at a time, p50", median(result["whole_ms"]), 2.0, "ms")]
