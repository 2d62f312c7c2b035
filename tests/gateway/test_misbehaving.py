"""Providers that misbehave: another channel answers, or the caller hears clearly what went wrong.

Nothing stays behind: no answer in progress at the provider, and no task of ours.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from gateway.application import application
from librechat_backend.lib.aio import in_database
from tests.gateway.conftest import (
    HELLO,
    Api,
    MakeChannel,
    becomes,
    chat_body,
    frames,
    log_rows,
    text_of,
)
from tests.providers.conftest import Fake

pytestmark = pytest.mark.one_database

KINDS = ("openai", "anthropic")
# What a provider does before the first word; another channel answers then.
BEFORE = (
    "[[status:429]]", "[[status:429]] [[no-wait]]", "[[status:500]]", "[[status:503]]",
    "[[status:401]]", "[[status:403]]", "[[status:404]]", "[[error-frame]] [[say: ]]",
    "[[slow-first:30]]", "[[flood:20]]",
)  # fmt: skip


# What runs beside all requests and ends with the server.
LASTING = {"request log", "last use of keys", "limits", "stamps", "withdrawn keys"}


@pytest.fixture(autouse=True)
async def _nothing_stays_behind(fake: Fake) -> AsyncIterator[None]:
    """Looked at when the API is closed: no answer in progress, no connection, no task."""
    before = asyncio.all_tasks()
    yield
    assert await fake.becomes(0, within_seconds=5)
    port = urlsplit(fake.url).port or 0
    assert await becomes(lambda: not connections_to(port)), connections_to(port)
    left_over = asyncio.all_tasks() - before - {asyncio.current_task()}
    assert {task.get_name() for task in left_over} <= LASTING


def connections_to(port: int) -> list[str]:
    """Those of this process, as the kernel counts them."""
    own = {os.readlink(entry.path) for entry in os.scandir("/proc/self/fd") if entry.is_symlink()}
    rows = [line.split() for line in Path("/proc/self/net/tcp").read_text().splitlines()[1:]]
    return [
        remote for _, _, remote, *rest in rows
        if int(remote.partition(":")[2], 16) == port and f"socket:[{rest[6]}]" in own
    ]  # fmt: skip


@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("marker", BEFORE)
async def test_another_channel_answers_when_the_first_fails(
    api: Api, make_channel: MakeChannel, fake: Fake, marker: str, kind: str, is_stream: bool
) -> None:
    await in_database(make_channel, sends=marker, priority=1, kind=kind, endpoint="openAI",
        first_event_timeout_seconds=1,
    )  # fmt: skip
    await in_database(make_channel, "second")
    if "error-frame" in marker and not is_stream and kind == "openai":
        pytest.skip("an answer in one piece has no frames")
    answer = await api.chat(stream=is_stream)
    assert answer.status_code == 200, answer.text
    if is_stream:
        assert text_of(frames(answer)) == HELLO
    else:
        assert answer.json()["choices"][0]["message"]["content"] == HELLO
    (row,) = await log_rows()
    assert (row.status, row.channel_name, len(row.attempts)) == ("ok", "second", 2)
    assert row.attempts[0]["error"]
    assert await fake.becomes(0, within_seconds=5)


@pytest.mark.parametrize(
    ("marker", "status", "code"),
    [
        ("[[status:429]]", 429, "upstream_rate_limit"),
        ("[[status:500]]", 502, "upstream_error"),
        ("[[status:401]]", 502, "upstream_credentials"),
        ("[[status:403]]", 502, "upstream_credentials"),
        ("[[status:404]]", 502, "upstream_error"),
        ("[[status:400]]", 400, None),
        ("[[context]]", 400, "context_length_exceeded"),
        ("[[slow-first:30]]", 504, "upstream_timeout"),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
async def test_caller_hears_what_went_wrong_when_nobody_answers(
    api: Api, make_channel: MakeChannel, kind: str, marker: str, status: int, code: str | None
) -> None:
    await in_database(make_channel, sends=marker, kind=kind, first_event_timeout_seconds=1)
    for is_stream in (False, True):
        answer = await api.chat(stream=is_stream)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/json"
        assert answer.json()["error"]["code"] == code
        assert "sk-upstream-secret" not in answer.text
        if status == 429:
            assert answer.headers["retry-after"] == "7"
    rows = await log_rows()
    assert [(row.status, row.http_status) for row in rows] == [("failed", status)] * 2


async def test_unreachable_provider_is_502(api: Api, make_channel: MakeChannel) -> None:
    await in_database(make_channel, base_url="http://127.0.0.1:9/v1")
    answer = await api.chat()
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "upstream_error")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("marker", ["[[cut]]", "[[malformed]]", "[[no-end]]", "[[error-frame]]"])
async def test_stream_ends_with_an_error_when_the_provider_breaks_off(
    api: Api, make_channel: MakeChannel, fake: Fake, kind: str, marker: str
) -> None:
    """No other channel is asked: words have been said."""
    sends = f"{marker} [[chunks:5:0.05]]"
    await in_database(make_channel, sends=sends, kind=kind, priority=1, endpoint="openAI")
    await in_database(make_channel, "second")
    chunks = frames(await api.chat(stream=True))
    assert "error" in chunks[-1], chunks
    assert text_of(chunks[:-1])
    assert "[DONE]" not in chunks
    (row,) = await log_rows()
    assert (row.status, row.channel_name, row.is_estimated) == ("partial", "first", True)
    assert row.output_tokens > 0
    assert await fake.becomes(0, within_seconds=5)


@pytest.mark.parametrize("kind", KINDS)
async def test_stream_ends_with_an_error_when_the_provider_falls_silent(
    api: Api, make_channel: MakeChannel, fake: Fake, kind: str
) -> None:
    await in_database(make_channel, sends="[[silence]]", kind=kind, idle_timeout_seconds=1)
    chunks = frames(await api.chat(stream=True))
    assert chunks[-1]["error"]["code"] == "upstream_timeout"
    assert await fake.becomes(0, within_seconds=5)


@pytest.mark.parametrize("kind", KINDS)
async def test_characters_are_whole_when_they_arrive_in_halves(
    api: Api, make_channel: MakeChannel, kind: str
) -> None:
    await in_database(make_channel, sends="[[split-utf8]]", kind=kind)
    assert text_of(frames(await api.chat(stream=True))) == "Grüße 👋 世界"


@pytest.mark.parametrize("kind", KINDS)
async def test_stream_is_made_of_a_body_when_the_provider_sends_one(
    api: Api, make_channel: MakeChannel, kind: str
) -> None:
    await in_database(make_channel, sends="[[ignore-stream]]", kind=kind)
    chunks = frames(await api.chat(stream=True))
    assert (text_of(chunks), chunks[-1]) == (HELLO, "[DONE]")


async def test_usage_is_estimated_when_the_provider_reports_none(
    api: Api, make_channel: MakeChannel
) -> None:
    await in_database(make_channel, options={"drop_params": "stream_options"})
    answer = await api.chat("[[no-usage]]", stream=True, stream_options={"include_usage": True})
    usage = frames(answer)[-2]["usage"]
    assert usage["completion_tokens"] > 0
    (row,) = await log_rows()
    assert (row.output_tokens, row.is_estimated) == (usage["completion_tokens"], usage["estimated"])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("marker", ["[[slow-first:30]]", "[[chunks:500:0.05]]"])
async def test_provider_is_left_alone_when_the_caller_leaves(
    api: Api, make_channel: MakeChannel, fake: Fake, kind: str, marker: str
) -> None:
    """Before the first word, and in the middle."""
    await in_database(make_channel, sends=marker, kind=kind)
    import json

    body = json.dumps(chat_body(stream=True)).encode()
    left = asyncio.Event()
    incoming = iter([{"type": "http.request", "body": body, "more_body": False}])
    sent: list[Any] = []

    async def receive() -> Any:
        if (message := next(incoming, None)) is not None:
            return message
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "path": "/v1/chat/completions", "query_string": b"",
        "headers": [(b"authorization", f"Bearer {api.key}".encode())],
    }  # fmt: skip
    before = asyncio.all_tasks()
    task = asyncio.create_task(application(scope, receive, send))
    assert await fake.becomes(1, within_seconds=5)
    if marker.startswith("[[chunks"):
        assert await becomes(lambda: len(sent) > 3)
    left.set()
    await asyncio.wait_for(task, 5)
    (row,) = await log_rows()
    has_begun = marker.startswith("[[chunks")
    assert (row.status, row.is_estimated) == ("stopped" if has_begun else "failed", has_begun)
    left_over = {t.get_name() for t in asyncio.all_tasks() - before - {task}}
    assert left_over <= LASTING
