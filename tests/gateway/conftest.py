"""A live server with a fake provider behind it, and keys for it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest
from django.core.cache import cache

from accounts.models import User
from gateway import services
from gateway.application import application
from librechat_backend.lib.aio import close_database_threads, in_database
from providers import client
from providers import services as channel_services
from providers.models import Channel
from tests.providers.conftest import Fake, fake, fake_process  # noqa: F401
from usage.ledger.spending import close_spender
from usage.limits import close_limiter
from usage.models import RequestLog
from usage.recorder import close_recorder, get_recorder

HELLO = "Hello from the fake provider."
Json = dict[str, Any]


def client_at(ip_address: str) -> httpx.AsyncClient:
    app: Any = application
    transport = httpx.ASGITransport(app=app, client=(ip_address, 4711))
    return httpx.AsyncClient(transport=transport, base_url="http://api")


class Api:
    """The API inside the test's own process, called as a program would with ``key``."""

    def __init__(self, key: str = "") -> None:
        self.key = key
        self.http = client_at("203.0.113.7")

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.http.get(path, headers=self._headers(headers))

    async def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.http.post(path, content=data, headers=self._headers(headers))

    def _headers(self, more: dict[str, str]) -> dict[str, str]:
        own = {"authorization": f"Bearer {self.key}"} if self.key else {}
        return own | {name.replace("_", "-"): value for name, value in more.items()}

    async def chat(self, text: str = "Hi", model: str = "m", **fields: Any) -> httpx.Response:
        return await self.post("/v1/chat/completions", chat_body(text, model, **fields))


def chat_body(text: str = "Hi", model: str = "m", **fields: Any) -> Json:
    return {"model": model, "messages": [{"role": "user", "content": text}], **fields}


def frames(response: httpx.Response) -> list[Any]:
    """The data of all frames of an event stream; ``[DONE]`` as text."""
    found = []
    for block in response.text.split("\n\n")[:-1]:
        data = "".join(line[5:].strip() for line in block.split("\n") if line.startswith("data:"))
        found.append(data if data == "[DONE]" else json.loads(data))
    return found


def text_of(chunks: list[Any]) -> str:
    deltas = [c["choices"][0]["delta"] for c in chunks if isinstance(c, dict) and c.get("choices")]
    return "".join(delta.get("content") or "" for delta in deltas)


async def log_rows() -> list[RequestLog]:
    await get_recorder().flush()
    return await in_database(lambda: list(RequestLog.objects.order_by("id")))


MakeKey = Callable[..., str]
MakeChannel = Callable[..., Channel]


@pytest.fixture
async def api(transactional_db: None, settings: Any, alice: User) -> AsyncIterator[Api]:
    """Called with a key of Alice's that has no limits."""
    settings.PROVIDER_ENVIRONMENT = {}
    settings.DEMO_PROVIDER = "false"
    made = await in_database(services.create_token, user=alice, name="test")
    api = Api(made.secret)
    yield api
    await api.http.aclose()
    await close_limiter()
    await close_recorder()
    await close_spender()
    await client.close()


@pytest.fixture
def make_key(transactional_db: None) -> MakeKey:
    def make(user: User, **fields: Any) -> str:
        return services.create_token(user=user, **{"name": "made", **fields}).secret

    return make


@pytest.fixture
def make_channel(transactional_db: None, fake: Fake) -> MakeChannel:  # noqa: F811
    """Channels to the fake provider; ``sends`` is the model it is asked for."""

    def make(name: str = "first", *, sends: str = "gpt-fake", **fields: Any) -> Channel:
        kind = fields.get("kind", "openai")
        path = "" if kind in ("anthropic", "google") else "/v1"
        channel = Channel(
            name=name,
            **{
                "kind": kind,
                "base_url": fake.url + path,
                "model_names": ["m"],
                "model_mapping": {"m": sends},
                **fields,
            },
        )
        channel_services.save_channel(channel=channel)
        channel_services.add_key(channel=channel, secret="sk-upstream-secret")
        return channel

    return make


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    yield
    cache.clear()
    close_database_threads()


async def becomes(condition: Callable[[], Any], *, within_seconds: float = 10) -> bool:
    """Whether ``condition`` is true before the time is over; it may be a coroutine function."""
    try:
        async with asyncio.timeout(within_seconds):
            while True:
                found = condition()
                if await found if asyncio.iscoroutine(found) else found:
                    return True
                await asyncio.sleep(0.01)
    except TimeoutError:
        return False
