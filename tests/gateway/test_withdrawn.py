"""Answers that are being written when their key ends are cut off; those of others go on."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from django.utils import timezone

from accounts.models import Ban, User
from gateway import services, withdrawn
from gateway.application import application
from gateway.models import ApiToken
from librechat_backend.lib.aio import in_database
from tests.gateway.conftest import Api, MakeChannel, MakeKey, chat_body, frames, log_rows
from tests.providers.conftest import Fake

End = Callable[[ApiToken], Awaitable[Any]]
LONG = "[[chunks:2000:0.01]]"
INVALID = {
    "message": "This API key does not work any more.",
    "type": "authentication_error", "param": None, "code": "invalid_api_key",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _watchful(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(withdrawn, "WATCH_SECONDS", 0.05)


async def revoke(token: ApiToken) -> None:
    await in_database(services.update_token, token=token, is_active=False)


async def delete(token: ApiToken) -> None:
    await in_database(services.delete_token, user_id=token.user_id, token_id=token.id)


async def deactivate(token: ApiToken) -> None:
    await in_database(User.objects.filter(pk=token.user_id).update, is_active=False)


async def ban(token: ApiToken) -> None:
    until = timezone.now() + timedelta(hours=1)
    await in_database(Ban.objects.create, user_id=token.user_id, expires_at=until)


async def ban_address(ip_address: str) -> None:
    until = timezone.now() + timedelta(hours=1)
    await in_database(Ban.objects.create, ip_address=ip_address, expires_at=until)


async def asked(api: Api, fake: Fake, **fields: Any) -> asyncio.Task[httpx.Response]:
    """A call the provider is answering."""
    call = asyncio.create_task(api.chat(**fields))
    assert await fake.becomes(1, within_seconds=10)
    return call


async def begun(
    api: Api, path: str = "/v1/chat/completions", **fields: Any
) -> asyncio.Task[httpx.Response]:
    """A stream whose first words were sent."""
    has_begun = asyncio.Event()

    async def listening(scope: Any, receive: Any, send: Any) -> None:
        async def noting(message: Any) -> None:
            await send(message)
            if message.get("body"):
                has_begun.set()

        await application(scope, receive, noting)

    app: Any = listening
    transport = httpx.ASGITransport(app=app, client=("203.0.113.7", 4711))
    api.http = httpx.AsyncClient(transport=transport, base_url="http://api")
    body = chat_body(stream=True) | fields
    call = asyncio.create_task(api.post(path, body))
    async with asyncio.timeout(10):
        await has_begun.wait()
    return call


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
@pytest.mark.parametrize("end", [revoke, delete, deactivate, ban])
async def test_stream_is_cut_off_when_the_key_ends(
    api: Api, make_channel: MakeChannel, fake: Fake, end: End, kind: str
) -> None:
    await in_database(make_channel, sends=LONG, kind=kind)
    call = await begun(api)
    await end(await in_database(ApiToken.objects.get))
    chunks = frames(await asyncio.wait_for(call, 10))
    assert chunks[-1] == {"error": INVALID}
    assert "[DONE]" not in chunks
    assert await fake.becomes(0, within_seconds=10)
    (row,) = await log_rows()
    assert (row.status, row.error) == ("partial", "invalid_api_key")


async def test_stream_is_cut_off_when_the_address_is_banned(
    api: Api, make_channel: MakeChannel, fake: Fake
) -> None:
    await in_database(make_channel, sends=LONG)
    call = await begun(api)
    await ban_address("203.0.113.8")
    assert (await api.get("/v1/models")).status_code == 200
    await ban_address("203.0.113.7")
    chunks = frames(await asyncio.wait_for(call, 10))
    assert chunks[-1]["error"]["code"] == "address_banned"
    assert "[DONE]" not in chunks
    assert await fake.becomes(0, within_seconds=10)
    assert ("partial", "address_banned") in [(row.status, row.error) for row in await log_rows()]


@pytest.mark.parametrize("is_passed_on", [False, True])
@pytest.mark.parametrize("path", ["/v1/messages", "/v1/responses"])
async def test_ban_holds_at_every_door(
    api: Api, make_channel: MakeChannel, fake: Fake, path: str, is_passed_on: bool
) -> None:
    is_anthropic = path == "/v1/messages" and is_passed_on
    await in_database(
        make_channel,
        sends=LONG,
        kind="anthropic" if is_anthropic else "openai",
        options={"responses": "yes"} if is_passed_on else {},
    )
    assert (await api.get("/v1/models/m")).status_code == 200
    call = await begun(api, path, input="Hi", max_tokens=50)
    await ban(await in_database(ApiToken.objects.get))
    last = frames(await asyncio.wait_for(call, 10))[-1]
    assert last["error"]["message"] == INVALID["message"]
    assert last["error"]["type"] == "authentication_error"
    assert await fake.becomes(0, within_seconds=10)
    for refused in ("/v1/models/m", "/v1/models", "/v1/route-check?model=m"):
        assert (await api.get(refused)).status_code == 401


@pytest.mark.parametrize("is_stream", [False, True])
async def test_call_is_401_when_the_key_ends_before_the_first_word(
    api: Api, make_channel: MakeChannel, fake: Fake, is_stream: bool
) -> None:
    await in_database(make_channel, sends="[[slow-first:60]]")
    call = await asked(api, fake, stream=is_stream)
    await deactivate(await in_database(ApiToken.objects.get))
    answer = await asyncio.wait_for(call, 10)
    assert (answer.status_code, answer.json()) == (401, {"error": INVALID})
    assert await fake.becomes(0, within_seconds=10)
    (row,) = await log_rows()
    assert (row.status, row.http_status) == ("failed", 401)


async def test_stream_goes_on_when_somebody_elses_key_ends(
    api: Api, make_channel: MakeChannel, make_key: MakeKey, bob: User
) -> None:
    own = await in_database(ApiToken.objects.get)
    await in_database(make_channel, sends="[[chunks:100:0.02]]")
    call = await begun(api)
    api.key = await in_database(make_key, bob)
    others = await begun(api)
    await ban(await in_database(ApiToken.objects.exclude(pk=own.pk).get))
    assert frames(await others)[-1] == {"error": INVALID}
    assert frames(await call)[-1] == "[DONE]"


async def test_provider_is_left_when_the_caller_leaves(
    api: Api, make_channel: MakeChannel, fake: Fake
) -> None:
    await in_database(make_channel, sends=LONG)
    call = await begun(api)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert await fake.becomes(0, within_seconds=10)
    (row,) = await log_rows()
    assert (row.status, row.http_status) == ("stopped", 200)
