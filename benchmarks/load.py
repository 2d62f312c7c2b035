"""A load generator that is not the bottleneck: HTTP/1.1 on a bare asyncio.Protocol, connections
kept. ``python -m benchmarks.load '{"port": …, …}'`` prints one line of JSON.

Members: ``port``, ``path``, ``headers``, ``body``, ``connections``, ``seconds``; ``is_stream``
counts pieces; ``steady`` opens each connection once, that many a second, and reports how late the
pieces are.
"""

import asyncio
import json
import sys
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import uvloop

PIECE = b"The quick"  # how each of the upstream's pieces begins
_CHUNKED_END = b"\r\n0\r\n\r\n"
PATIENCE_SECONDS = 30.0


@dataclass
class Tally:
    first_ms: list[float] = field(default_factory=list)
    whole_ms: list[float] = field(default_factory=list)
    pieces: int = 0
    failed: int = 0
    # Of each stream: (moment, pieces so far).
    arrivals: list[list[tuple[float, int]]] = field(default_factory=list)


class Exchange(asyncio.Protocol):
    """One connection that asks again as long as it may."""

    def __init__(self, request: bytes, tally: Tally, *, repeats: bool) -> None:
        self.request, self.tally, self.repeats = request, tally, repeats
        self.loop = asyncio.get_running_loop()
        self.done = self.loop.create_future()
        self.tail = b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self._ask()

    def _ask(self) -> None:
        self.began, self.first_at, self.left, self.pieces = perf_counter(), 0.0, -1, 0
        self.arrivals: list[tuple[float, int]] = []
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        if self.left < 0:
            self._read_head(data)
            return
        if self.left > 0:
            self.left -= len(data)
            if self.left == 0:
                self._finish()
            return
        self._read_pieces(data)

    def _read_head(self, data: bytes) -> None:
        data = self.tail + data
        head, separator, body = data.partition(b"\r\n\r\n")
        if not separator:
            self.tail = data
            return
        self.tail = b""
        if b" 200 " not in head[:20]:
            self.tally.failed += 1
        lower = head.lower()
        if b"content-length:" in lower:
            length = int(lower.split(b"content-length:")[1].split(b"\r\n")[0])
            self.left = length - len(body)
            self.first_at = perf_counter()
            if self.left == 0:
                self._finish()
            return
        self.left = 0
        self._read_pieces(body)

    def _read_pieces(self, data: bytes) -> None:
        count = data.count(PIECE)
        if count:
            now = perf_counter()
            self.first_at = self.first_at or now
            self.pieces += count
            self.arrivals.append((now, self.pieces))
        end = (self.tail + data)[-7:]
        self.tail = end
        if end.endswith(_CHUNKED_END) or end == _CHUNKED_END[2:]:
            self.tail = b""
            self._finish()

    def _finish(self) -> None:
        now = perf_counter()
        self.tally.first_ms.append(1000 * (self.first_at - self.began))
        self.tally.whole_ms.append(1000 * (now - self.began))
        self.tally.pieces += self.pieces
        if not self.repeats:
            self.tally.arrivals.append(self.arrivals)
        if self.repeats and perf_counter() < self.until:
            self._ask()
        elif not self.done.done():
            self.done.set_result(None)
            self.transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.tally.failed += 1
            self.done.set_result(None)

    until = 0.0


def request_bytes(spec: dict[str, Any]) -> bytes:
    body = json.dumps(spec["body"], separators=(",", ":")).encode()
    lines = {
        "host": "localhost", "content-type": "application/json", "content-length": str(len(body)),
        **spec.get("headers", {}),
    }  # fmt: skip
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"POST {spec['path']} HTTP/1.1\r\n{head}\r\n".encode() + body


async def run(spec: dict[str, Any]) -> dict[str, Any]:
    loop, tally, request = asyncio.get_running_loop(), Tally(), request_bytes(spec)
    steady = spec.get("steady", 0)
    began = perf_counter()

    async def one(number: int) -> None:
        if steady:
            await asyncio.sleep(number / steady)
        _, exchange = await loop.create_connection(
            lambda: Exchange(request, tally, repeats=not steady), "127.0.0.1", spec["port"]
        )
        exchange.until = began + spec.get("seconds", 0)
        async with asyncio.timeout(spec.get("seconds", 0) + PATIENCE_SECONDS):
            await exchange.done

    results = await asyncio.gather(
        *(one(number) for number in range(spec["connections"])), return_exceptions=True
    )
    tally.failed += sum(isinstance(result, Exception) for result in results)
    return {
        "seconds": perf_counter() - began,
        "answers": len(tally.whole_ms),
        "pieces": tally.pieces,
        "failed": tally.failed,
        "first_ms": sorted(tally.first_ms),
        "whole_ms": sorted(tally.whole_ms),
        "late_ms": _lateness(tally.arrivals, spec.get("pause_seconds", 0.0)),
    }


def _lateness(streams: list[list[tuple[float, int]]], pause_seconds: float) -> list[float]:
    """Against the grid the upstream sends on, which each stream's quickest piece shows."""
    if not streams or not pause_seconds:
        return []
    since = max(arrivals[0][0] for arrivals in streams if arrivals)
    late = []
    for arrivals in streams:
        offsets = [at - count * pause_seconds for at, count in arrivals]
        quickest = min(offsets)
        late += [
            1000 * (offset - quickest)
            for (at, _), offset in zip(arrivals, offsets, strict=True)
            if at >= since
        ]
    return sorted(late)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(run(json.loads(sys.argv[1])))))  # noqa: T201 - to the parent
