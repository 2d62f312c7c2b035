"""Both sides of a chat as text, but for ids, times and members' order."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.conversations.chat.scripted import ChatClient, Exchange, ScriptedAdapter, payload

FRAMES = Path(__file__).resolve().parents[2] / "frames"

Compare = Callable[[], None]

_VARIABLE = re.compile(
    r"(?P<uuid>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})|(?P<id>[0-9a-f]{24})"
    r"|(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)|(?P<epoch>\b\d{13}\b)"
)
_FIXED = {"00000000-0000-0000-0000-000000000000", "77aa0000-0000-4000-8000-000000000000"}


class Transcript:
    """``>`` client to server, ``<`` server to client; ids are numbered as they appear."""

    def __init__(self, client: ChatClient) -> None:
        self.client = client
        self._lines: list[str] = []

    async def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        self._lines += [f"> POST {path}", f"> {_ordered(body)}"]
        answer = await self.client.post(path, body)
        self._lines += [f"< {answer.status}", f"< {_ordered(answer.json())}", ""]
        parsed: dict[str, Any] = answer.json()
        return parsed

    async def start(self, **fields: Any) -> dict[str, Any]:
        return await self.post("/api/agents/chat/openAI", payload(**fields))

    async def get(self, path: str) -> None:
        answer = await self.client.get(path)
        self._lines += [f"> GET {path}", f"< {answer.status}", f"< {_ordered(answer.json())}", ""]

    def stream(self, started: dict[str, Any], query: str = "") -> Exchange:
        return self.client.stream(started, query)

    async def show(self, stream: Exchange, title: str = "") -> None:
        """All of a stream, to its end."""
        await stream.rest()
        self._lines.append(f"> GET stream{title}")
        self._lines += [f"< {stream.status}"]
        self._lines += [f"< {_ordered_line(line)}".rstrip() for line in _lines_of(stream)]

    def text(self) -> str:
        seen: dict[str, str] = {}
        counts: dict[str, int] = {}

        def number(match: re.Match[str]) -> str:
            value, kind = match[0], str(match.lastgroup)
            if value in _FIXED:
                return value
            if kind == "time":
                return "<time>"
            if value not in seen:
                counts[kind] = counts.get(kind, 0) + 1
                seen[value] = f"<{kind} {counts[kind]}>"
            return seen[value]

        return _VARIABLE.sub(number, "\n".join(self._lines)).rstrip() + "\n"


def _lines_of(stream: Exchange) -> list[str]:
    return stream.raw.decode().split("\n")


def _ordered_line(line: str) -> str:
    name, _, data = line.partition(": ")
    return f"data: {_ordered(json.loads(data))}" if name == "data" else line


def _ordered(value: Any) -> str:
    """JSON with its members sorted: PostgreSQL returns them in an order of its own."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


async def title_arrives(
    model: ScriptedAdapter, stream: Exchange, title: str = "Tide Tables"
) -> None:
    """Let the title arrive before the answer, so that its place is always the same."""
    await stream.frames(2)  # created, context
    model.give_title(title)
    assert (await stream.frames(1))[0][1]["event"] == "title"
