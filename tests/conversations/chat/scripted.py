"""A model that says what a test tells it, and the chat's HTTP endpoints without a server."""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

from accounts.models import User
from accounts.tokens import issue_access_token
from conversations.chat.runtime import get_jobs
from librechat_backend.lean import LeanHandler
from librechat_backend.lean_urls import urlpatterns
from librechat_backend.lib.ids import NO_PARENT
from providers.base import Connection
from providers.types import ChatRequest, Finish, FinishReason, StreamEvent, TextDelta, Usage

PATIENCE_SECONDS = 10
END = object()

Frame = tuple[str, dict[str, Any]]


MODEL, MINI = "gpt-4.1", "gpt-4.1-mini"


class ScriptedAdapter:
    """Stands in for every adapter: ``requests`` are what it was asked.

    What is said without ``by`` is said by MODEL.
    """

    def __init__(self) -> None:
        self.requests: list[ChatRequest] = []
        self.titles: list[ChatRequest] = []
        self.summaries: list[ChatRequest] = []
        self.is_closed = False
        self.asked = asyncio.Semaphore(0)  # released by each request for an answer
        self._scripts: defaultdict[str, asyncio.Queue[Any]] = defaultdict(asyncio.Queue)
        self._title: asyncio.Queue[Any] = asyncio.Queue()
        self._summary: asyncio.Queue[Any] = asyncio.Queue()

    def say(self, *events: StreamEvent, by: str = MODEL) -> None:
        """One batch of the answer."""
        self._scripts[by].put_nowait(list(events))

    def fail(self, error: Exception, *, by: str = MODEL) -> None:
        self._scripts[by].put_nowait(error)

    def finish(
        self,
        reason: FinishReason = FinishReason.STOP,
        usage: Usage | None = None,
        *,
        by: str = MODEL,
    ) -> None:
        self.say(usage or Usage(20, 9, cache_read_tokens=5), Finish(reason), by=by)
        self._scripts[by].put_nowait(END)

    def answer(self, text: str, *, by: str = MODEL) -> None:
        self.say(TextDelta(text), by=by)
        self.finish(by=by)

    def give_title(self, title: str | Exception) -> None:
        self._title.put_nowait(title)

    def summarize(self, text: str | Exception, usage: Usage | None = None) -> None:
        self._summary.put_nowait(text if isinstance(text, Exception) else (text, usage))

    async def stream(
        self, request: ChatRequest, connection: Connection
    ) -> AsyncGenerator[list[StreamEvent], None]:
        if request.purpose == "title":
            self.titles.append(request)
            yield [TextDelta(_raised(await self._title.get()))]
            return
        if request.purpose == "summary":
            self.summaries.append(request)
            text, usage = _raised(await self._summary.get())
            yield [TextDelta(text), *([usage] if usage else [])]
            return
        self.requests.append(request)
        self.asked.release()
        try:
            while (batch := _raised(await self._scripts[request.model].get())) is not END:
                yield batch
        finally:
            self.is_closed = True

    async def list_models(self, connection: Connection) -> list[str]:
        return ["gpt-4.1"]

    async def close(self) -> None:
        """There is nothing to close."""


def _raised(item: Any) -> Any:
    if isinstance(item, Exception):
        raise item
    return item


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Exchange:
    """One request in progress; ``raw`` is the body so far."""

    task: asyncio.Task[None]
    messages: asyncio.Queue[dict[str, Any]]
    left: asyncio.Event
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes = b""
    is_over: bool = False
    _shown: int = 0

    async def _next(self) -> None:
        message = await asyncio.wait_for(self.messages.get(), PATIENCE_SECONDS)
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {k.decode().lower(): v.decode() for k, v in message["headers"]}
        else:
            self.raw += message["body"]
            self.is_over = not message.get("more_body")

    async def answer(self) -> Answer:
        while not self.is_over:
            await self._next()
        await self.task
        return Answer(self.status, self.headers, self.raw)

    async def frames(self, count: int) -> list[Frame]:
        """The next ``count`` frames."""
        while len(self._arrived()) < self._shown + count:
            assert not self.is_over, f"ended after {self.raw.decode()}"
            await self._next()
        frames = self._arrived()[self._shown : self._shown + count]
        self._shown += count
        return frames

    async def rest(self) -> list[Frame]:
        await self.answer()
        frames = self._arrived()[self._shown :]
        self._shown += len(frames)
        return frames

    def _arrived(self) -> list[Frame]:
        return [_frame(block) for block in self.raw.decode().split("\n\n")[:-1]]

    async def leave(self) -> None:
        """Close the connection."""
        self.left.set()
        await self.task


def _frame(block: str) -> Frame:
    event, data = block.split("\n")
    assert event.startswith("event: ")
    assert data.startswith("data: ")
    return event.removeprefix("event: "), json.loads(data.removeprefix("data: "))


class ChatClient:
    """A person's browser, as far as the chat's endpoints see it. None: nobody is signed in."""

    def __init__(self, user: User | None, token: str = "") -> None:
        self.token = token or (issue_access_token(user) if user else "")
        self._app = LeanHandler(urlpatterns)

    def open(
        self, method: str, url: str, body: bytes = b"", *, authorization: str = ""
    ) -> Exchange:
        """``authorization`` is the header as it is sent, in place of the person's token."""
        parts = urlsplit(url)
        headers = [(b"content-type", b"application/json"), (b"host", b"testserver")]
        if self.token and not authorization:
            authorization = f"Bearer {self.token}"
        if authorization:
            headers.append((b"authorization", authorization.encode()))
        scope = {
            "type": "http", "method": method, "path": parts.path, "headers": headers,
            "raw_path": quote(parts.path).encode(), "query_string": parts.query.encode(),
        }  # fmt: skip
        messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        left = asyncio.Event()
        incoming = iter([{"type": "http.request", "body": body, "more_body": False}])

        async def receive() -> dict[str, Any]:
            if (message := next(incoming, None)) is not None:
                return message
            await left.wait()
            return {"type": "http.disconnect"}

        call = self._app(scope, receive, messages.put)
        return Exchange(asyncio.create_task(call), messages, left)

    async def get(self, url: str) -> Answer:
        return await self.open("GET", url).answer()

    async def post(self, url: str, body: Any) -> Answer:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.open("POST", url, data).answer()

    async def start(self, **fields: Any) -> dict[str, Any]:
        """POST a message; the answer of a start that worked."""
        answer = await self.post("/api/agents/chat/openAI", payload(**fields))
        assert answer.status == 200, answer.body
        started: dict[str, Any] = answer.json()
        return started

    def stream(self, started: dict[str, Any], query: str = "") -> Exchange:
        epoch = started["generationCreatedAt"]
        return self.open(
            "GET",
            f"/api/agents/chat/stream/{started['streamId']}"
            f"?{query}generationCreatedAt={epoch}&generationProtocolVersion=2",
        )

    async def final(self, started: dict[str, Any]) -> dict[str, Any]:
        """Follow a turn to its end; the last frame."""
        *_, (event, frame) = await self.stream(started).rest()
        assert event == "message", frame
        return frame


async def titles_are_made() -> None:
    jobs = await get_jobs()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not jobs.titling.is_idle:
            await asyncio.sleep(0.01)


def payload(**fields: Any) -> dict[str, Any]:
    """What the client posts for a new chat (contract 06 §5.2); None removes a member."""
    values = {
        "text": "When is high tide?",
        "sender": "User",
        "clientTimestamp": "2026-01-01T01:00:00",
        "isCreatedByUser": True,
        "parentMessageId": NO_PARENT,
        "messageId": "77aa0000-0000-4000-8000-000000000000",
        "error": False,
        "endpoint": "openAI",
        "model": "gpt-4.1",
        "key": "never",
        "isTemporary": False,
        "isRegenerate": False,
        "isContinued": False,
        "timezone": "Europe/Vienna",
        "ephemeralAgent": {"mcp": [], "web_search": False, "artifacts": ""},
        "generationProtocolVersion": 2,
    }
    return {name: value for name, value in (values | fields).items() if value is not None}
