"""The WebSocket twin against a live server."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from conversations.consumers import AUTHENTICATE_SECONDS
from librechat_backend.lib.ids import NO_PARENT, new_uuid
from tests.conversations.chat.live_chat import Person, provider_env, signed_in, text_of_chunks
from tests.conversations.chat.reader import Screen
from tests.live import LiveServer, live_server
from tests.processes import start_fake_provider

pytestmark = pytest.mark.one_database


@pytest.fixture(scope="module")
def server() -> Iterator[LiveServer]:
    with start_fake_provider() as url:
        env = {**provider_env(url), "DATABASE_URL": "", "REDIS_URL": ""}
        with live_server(env=env) as server:
            yield server


@pytest.fixture(scope="module")
def token(server: LiveServer) -> str:
    return signed_in(server).token


@pytest.fixture(scope="module")
def other_token(server: LiveServer, token: str) -> str:
    server.create_user("charlie@example.com", "correct horse battery")
    return server.sign_in("charlie@example.com", "correct horse battery")


def address(server: LiveServer) -> str:
    return server.base_url.replace("http", "ws") + "/ws/chat/"


@pytest.fixture
async def socket(server: LiveServer, token: str) -> AsyncIterator[ClientConnection]:
    headers = {"Authorization": f"Bearer {token}"}
    async with connect(address(server), additional_headers=headers) as socket:
        assert (await receive(socket))["type"] == "authenticated"
        yield socket


async def receive(socket: ClientConnection) -> Any:
    return json.loads(await asyncio.wait_for(socket.recv(), 10))


async def ask(socket: ClientConnection, **message: Any) -> Any:
    """The answer to a command; events that come before it are dropped."""
    request_id = new_uuid()
    await socket.send(json.dumps({**message, "requestId": request_id}))
    while (answer := await receive(socket)).get("requestId") != request_id:
        pass
    return answer


async def start(socket: ClientConnection, text: str) -> Any:
    payload = {"text": text, "endpoint": "openAI", "model": "fake", "parentMessageId": NO_PARENT}
    return await ask(socket, type="start", payload=payload)


async def until_end(socket: ClientConnection) -> list[Any]:
    """The event messages up to the final one."""
    messages: list[Any] = []
    while not messages or not messages[-1]["event"].get("final"):
        message = await receive(socket)
        if message["type"] == "event":
            messages.append(message)
    return messages


def fold(messages: list[Any]) -> Screen:
    screen = Screen()
    for message in messages:
        screen.apply(message["event"])
    return screen


async def close_code(socket: ClientConnection, within: float = 5) -> int | None:
    async with asyncio.timeout(within):
        try:
            while True:
                await socket.recv()
        except ConnectionClosed:
            return socket.close_code


async def test_the_token_is_taken_from_the_second_subprotocol(
    server: LiveServer, token: str
) -> None:
    offered = [Subprotocol("bearer"), Subprotocol(token)]
    async with connect(address(server), subprotocols=offered) as socket:
        assert socket.subprotocol == "bearer"
        assert (await receive(socket))["type"] == "authenticated"


async def test_the_token_is_taken_from_the_first_message(server: LiveServer, token: str) -> None:
    async with connect(address(server)) as socket:
        answer = await ask(socket, type="authenticate", token=token)
        assert answer["type"] == "authenticated"
        assert len(answer["userId"]) == 24
        assert (await start(socket, "[[say:Hi]]"))["status"] == "started"


async def test_the_connection_is_closed_when_the_token_is_wrong(
    server: LiveServer, token: str
) -> None:
    wrong = token[:-2] + ("AA" if token[-2:] != "AA" else "BB")
    headers = {"Authorization": f"Bearer {wrong}"}
    async with connect(address(server), additional_headers=headers) as socket:
        assert (await receive(socket))["status"] == 401
        assert await close_code(socket) == 4401
    offered = [Subprotocol("bearer"), Subprotocol("nonsense")]
    async with connect(address(server), subprotocols=offered) as socket:
        assert await close_code(socket) == 4401
    async with connect(address(server)) as socket:
        await socket.send(json.dumps({"type": "authenticate", "token": ""}))
        assert await close_code(socket) == 4401


async def test_the_connection_is_closed_when_a_stranger_gives_a_command(
    server: LiveServer,
) -> None:
    async with connect(address(server)) as socket:
        await socket.send(json.dumps({"type": "subscribe", "streamId": "x"}))
        assert await close_code(socket) == 4401


async def test_the_connection_is_closed_when_a_stranger_stays_silent(server: LiveServer) -> None:
    async with connect(address(server)) as socket:
        assert await close_code(socket, within=AUTHENTICATE_SECONDS + 5) == 4401


async def test_the_events_are_those_of_the_http_stream(
    socket: ClientConnection, server: LiveServer, token: str
) -> None:
    started = await start(socket, "[[chunks:4:0.05]] [[reasoning]]")
    assert started["streamId"] == started["conversationId"]
    over_http = Screen()
    watching = Person(server, token).watch(started["streamId"], over_http)
    messages, _ = await asyncio.gather(until_end(socket), watching)
    over_socket = fold(messages)
    assert over_socket.text == over_http.text == "Let me think." + text_of_chunks(4)
    assert over_socket.final == over_http.final
    assert over_socket.payloads[0] == over_http.payloads[0]
    numbers = [message["sequence"] for message in messages if "sequence" in message]
    assert numbers == sorted(set(numbers))


async def test_exactly_the_rest_comes_when_subscribed_from_any_number(
    socket: ClientConnection,
) -> None:
    started = await start(socket, "[[chunks:6:0.02]]")
    messages = await until_end(socket)
    whole = fold(messages)
    for number in (message["sequence"] for message in messages[:-1] if "sequence" in message):
        asked = {"streamId": started["streamId"], "after": number}
        assert (await ask(socket, type="subscribe", **asked))["type"] == "subscribed"
        rest = await until_end(socket)
        have = [m["event"] for m in messages[: _index(messages, number) + 1]]
        again = Screen()
        for payload in [*have, *(message["event"] for message in rest)]:
            again.apply(payload)
        assert again.text == whole.text
        assert again.final == whole.final


def _index(messages: list[Any], number: int) -> int:
    return next(i for i, message in enumerate(messages) if message.get("sequence") == number)


async def test_an_answer_is_stopped_and_its_end_told_before_the_command_is_answered(
    socket: ClientConnection,
) -> None:
    started = await start(socket, "[[chunks:100:0.05]]")
    seen: list[Any] = []
    while len(seen) < 6:
        seen.append(await receive(socket))
    await socket.send(json.dumps({"type": "abort", "streamId": started["streamId"]}))
    while (message := await receive(socket))["type"] != "aborted":
        seen.append(message)
    screen = fold([message for message in seen if message["type"] == "event"])
    assert screen.final is not None
    assert screen.final["aborted"] is True
    assert screen.final_text == screen.text


async def test_several_answers_come_over_one_connection(socket: ClientConnection) -> None:
    payload = {"text": "[[chunks:5:0.05]]", "endpoint": "openAI", "model": "fake"}
    for _ in range(3):
        await socket.send(json.dumps({"type": "start", "payload": payload}))
    screens: dict[str, Screen] = {}
    while len(screens) < 3 or not all(screen.final for screen in screens.values()):
        message = await receive(socket)
        if message["type"] == "event":
            screens.setdefault(message["streamId"], Screen()).apply(message["event"])
    assert {screen.final_text for screen in screens.values()} == {text_of_chunks(5)}


@pytest.mark.parametrize(
    ("message", "status"),
    [
        ("no json", 400),
        ("[]", 400),
        ('{"type": "dance"}', 400),
        ('{"type": "start"}', 400),
        ('{"type": "start", "payload": {"text": ""}}', 400),
        ('{"type": "subscribe", "streamId": "00000000-0000-4000-8000-000000000000"}', 404),
        ('{"type": "subscribe", "streamId": "x", "after": -1}', 400),
        ('{"type": "subscribe", "streamId": "x", "generationCreatedAt": "1"}', 400),
        ('{"type": "abort", "streamId": "00000000-0000-4000-8000-000000000000"}', 404),
        ('{"type": "abort"}', 400),
    ],
)
async def test_a_wrong_command_is_answered_and_the_connection_stays(
    socket: ClientConnection, message: str, status: int
) -> None:
    await socket.send(message)
    answer = await receive(socket)
    assert (answer["type"], answer["status"]) == ("error", status)
    assert (await start(socket, "[[say:Hi]]"))["type"] == "started"


async def test_what_is_not_there_yet_cannot_be_skipped(socket: ClientConnection) -> None:
    started = await start(socket, "[[chunks:20:0.1]]")
    answer = await ask(socket, type="subscribe", streamId=started["streamId"], after=10_000)
    assert (answer["type"], answer["status"]) == ("error", 400)


async def test_a_stranger_neither_follows_nor_stops_an_answer(
    socket: ClientConnection, server: LiveServer, other_token: str
) -> None:
    started = await start(socket, "[[chunks:8:0.1]]")
    headers = {"Authorization": f"Bearer {other_token}"}
    async with connect(address(server), additional_headers=headers) as stranger:
        for command in ("subscribe", "abort"):
            answer = await ask(stranger, type=command, streamId=started["streamId"])
            assert (answer["type"], answer["status"]) == ("error", 403)
    assert fold(await until_end(socket)).final_text == text_of_chunks(8)


async def test_running_answer_and_connection_end_when_the_person_is_deactivated(
    server: LiveServer,
) -> None:
    email, password = "leaver@example.com", "correct horse battery"
    await asyncio.to_thread(server.create_user, email, password)
    token = await asyncio.to_thread(server.sign_in, email, password)
    headers = {"Authorization": f"Bearer {token}"}
    async with connect(address(server), additional_headers=headers) as socket:
        await start(socket, "[[chunks:100:0.3]] Slowly")
        deactivate = (
            "from accounts.models import User; "
            f"User.objects.filter(email='{email}').update(is_active=False)"
        )
        await asyncio.to_thread(server.manage, "shell", "-c", deactivate)
        async with asyncio.timeout(4):
            await until_end(socket)
        refused = await ask(socket, type="start", payload={"text": "Hello"})
        assert (refused["type"], refused["status"]) == ("error", 401)
        assert await close_code(socket) == 4401


async def test_running_stream_ends_when_its_address_is_banned(
    server: LiveServer, token: str
) -> None:
    headers = {"Authorization": f"Bearer {token}", "X-Forwarded-For": "203.0.113.10"}
    async with connect(address(server), additional_headers=headers) as banned:
        assert (await receive(banned))["type"] == "authenticated"
        assert (await start(banned, "[[silence]]"))["type"] == "started"
        await asyncio.to_thread(server.manage, "shell", "-c", ban_of("::ffff:203.0.113.10"))
        while (message := await receive(banned))["type"] != "error":
            pass
        assert message["status"] == 403
        assert await close_code(banned) == 4401


def ban_of(ip_address: str) -> str:
    return (
        "from datetime import timedelta; from django.utils import timezone; "
        f"from accounts.services.bans import ban; ban(user=None, ip_address='{ip_address}', "
        "reason='rude', until=timezone.now() + timedelta(hours=1))"
    )


async def test_banned_address_is_refused_and_its_connections_close(
    server: LiveServer, token: str, socket: ClientConnection
) -> None:
    headers = {"Authorization": f"Bearer {token}", "X-Forwarded-For": "203.0.113.9"}
    async with connect(address(server), additional_headers=headers) as banned:
        assert (await receive(banned))["type"] == "authenticated"
        await asyncio.to_thread(server.manage, "shell", "-c", ban_of("203.0.113.9"))
        refused = await receive(banned)
        assert (refused["type"], refused["status"]) == ("error", 403)
        assert await close_code(banned) == 4401
    async with connect(address(server), additional_headers=headers) as again:
        refused = await receive(again)
        assert (refused["type"], refused["status"]) == ("error", 403)
        assert await close_code(again) == 4401
    assert (await start(socket, "[[say:Hi]]"))["type"] == "started"
