"""A load generator that costs little: HTTP/1.1 on asyncio streams, one connection a request."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from benchmarks.upstream import WORDS

PIECE = WORDS[:9].encode()  # how each of the upstream's pieces begins
NO_PARENT = "00000000-0000-0000-0000-000000000000"


@dataclass
class Turn:
    """One turn as its reader saw it; moments are the loop's seconds."""

    posted_at: float
    started_at: float = 0.0
    first_text_at: float = 0.0
    finished_at: float = 0.0
    # (moment, pieces of text that had arrived by then)
    text_at: list[tuple[float, int]] = field(default_factory=list)


class Client:
    """One person against one server."""

    def __init__(self, port: int, token: str) -> None:
        self.port = port
        self.token = token

    async def request(self, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
        async with self._exchange(method, path, body) as (status, reader, length):
            return status, await reader.readexactly(length) if length >= 0 else await reader.read()

    @asynccontextmanager
    async def _exchange(
        self, method: str, path: str, body: Any = None
    ) -> AsyncIterator[tuple[int, asyncio.StreamReader, int]]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=2**22)
        try:
            data = b"" if body is None else json.dumps(body).encode()
            writer.write(
                f"{method} {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer "
                f"{self.token}\r\ncontent-type: application/json\r\nconnection: close\r\n"
                f"content-length: {len(data)}\r\n\r\n".encode()
                + data
            )
            status = int((await reader.readline()).split()[1])
            length = -1
            while (line := await reader.readline()) != b"\r\n":
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            yield status, reader, length
        finally:
            writer.close()

    async def start(self, model: str, text: str = "Hello") -> dict[str, Any]:
        body = {
            "text": text, "endpoint": "openAI", "model": model, "parentMessageId": NO_PARENT,
        }  # fmt: skip
        status, answer = await self.request("POST", "/api/agents/chat/openAI", body)
        if status != 200:
            raise RuntimeError(f"start: {status} {answer[:300]!r}")
        started: dict[str, Any] = json.loads(answer)
        return started

    async def follow(self, stream_id: str, turn: Turn) -> Turn:
        """Read to the final event."""
        now, pieces = asyncio.get_running_loop().time, 0
        async with self._exchange("GET", f"/api/agents/chat/stream/{stream_id}") as (_, reader, _l):
            while line := await reader.readline():
                if not line.startswith(b"data: "):
                    continue
                if b'"on_message_delta"' in line:
                    pieces += line.count(PIECE)
                    turn.text_at.append((now(), pieces))
                elif line.startswith(b'data: {"final"'):
                    turn.finished_at = now()
                    break
        if not turn.finished_at:
            raise RuntimeError("the stream ended without a final event")
        turn.first_text_at = turn.text_at[0][0] if turn.text_at else 0.0
        return turn

    async def turn(self, model: str) -> Turn:
        now = asyncio.get_running_loop().time
        turn = Turn(posted_at=now())
        started = await self.start(model)
        turn.started_at = now()
        return await self.follow(started["streamId"], turn)
