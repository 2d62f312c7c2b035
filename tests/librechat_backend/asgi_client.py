"""Asks a bare ASGI application, without a server."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    chunk_count: int


async def ask(
    app: Any, path: str, *, method: str = "GET", query: str = "", **headers: str
) -> Answer:
    """``path`` as the server hands it on: decoded. Underscores in header names become hyphens."""
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": [
            (name.replace("_", "-").encode(), value.encode("latin-1"))
            for name, value in headers.items()
        ],
    }
    await app(scope, receive, send)
    start, *bodies = sent
    assert not bodies[-1]["more_body"]
    names = [name.decode() for name, _ in start["headers"]]
    assert len(names) == len(set(names))
    return Answer(
        status=start["status"],
        headers={name.decode(): value.decode() for name, value in start["headers"]},
        body=b"".join(part["body"] for part in bodies),
        chunk_count=sum(bool(part["body"]) for part in bodies),
    )
