"""The limits of a key at the API: 429 with what a program needs to wait, and honest headers."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

import httpx
import pytest

from accounts.models import User
from gateway.limiting import window_of
from librechat_backend.lib.aio import in_database
from tests.gateway.conftest import Api, MakeChannel, MakeKey, chat_body, frames, log_rows
from tests.live import LiveServer
from tests.processes import start_fake_provider
from tests.providers.conftest import Fake


async def test_requests_beyond_the_limit_are_refused(
    api: Api, alice: User, make_key: MakeKey, make_channel: MakeChannel, fake: Fake
) -> None:
    await in_database(make_channel)
    api.key = await in_database(make_key, alice, requests_per_minute=2)
    for left in ("1", "0"):
        answer = await api.chat()
        assert answer.status_code == 200
        assert answer.headers["x-ratelimit-limit-requests"] == "2"
        assert answer.headers["x-ratelimit-remaining-requests"] == left
    answer = await api.chat(stream=True)
    assert answer.status_code == 429
    error = answer.json()["error"]
    assert error["code"] == "rate_limit_exceeded"
    assert error["message"] == "The API key 'made' allows 2 requests a minute."
    assert 25 <= int(answer.headers["retry-after"]) <= 30
    assert answer.headers["x-ratelimit-remaining-requests"] == "0"
    assert len(fake.received()) == 2
    row = (await log_rows())[-1]
    assert (row.status, row.http_status, row.error) == ("refused", 429, "rate_limit_exceeded")
    assert (await api.get("/v1/models")).status_code == 200


async def test_quota_is_used_up_by_what_answers_took(
    api: Api, alice: User, make_key: MakeKey, make_channel: MakeChannel
) -> None:
    """Each answer takes 29 tokens."""
    await in_database(make_channel)
    api.key = await in_database(make_key, alice, quota_tokens=60)
    assert [(await api.chat()).status_code for _ in range(3)] == [200, 200, 200]
    answer = await api.chat()
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "insufficient_quota")
    assert "It begins anew at" in answer.json()["error"]["message"]
    assert int(answer.headers["retry-after"]) > 0


async def test_only_so_many_answers_run_at_once(
    api: Api, alice: User, make_key: MakeKey, make_channel: MakeChannel
) -> None:
    await in_database(make_channel, sends="[[chunks:10:0.1]]")
    api.key = await in_database(make_key, alice, parallel_requests=2)
    answers = await asyncio.gather(*(api.chat(stream=True) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 429, 429, 429]
    assert (await api.chat(stream=True)).status_code == 200


async def test_counters_that_are_away_are_no_fault_of_the_request(
    api: Api, alice: User, make_key: MakeKey, make_channel: MakeChannel, fake: Fake, settings: Any
) -> None:
    """Neither is a call let through that nobody counts."""
    settings.REDIS_URL = "redis://127.0.0.1:9"
    await in_database(make_channel)
    api.key = await in_database(make_key, alice, requests_per_minute=2)
    answer = await api.chat()
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    error = answer.json()["error"]
    assert (error["message"], error["type"]) == ("The server cannot reach Redis.", "server_error")
    assert fake.received() == []
    assert (await log_rows())[-1].http_status == 503


@pytest.mark.parametrize(
    ("window", "start", "end"),
    [
        ("day", (2026, 3, 4), (2026, 3, 5)),
        ("week", (2026, 3, 2), (2026, 3, 9)),
        ("month", (2026, 3, 1), (2026, 4, 1)),
    ],
)
def test_windows_follow_the_calendar(
    window: str, start: tuple[int, int, int], end: tuple[int, int, int]
) -> None:
    for hour in (0, 23):
        now = datetime(2026, 3, 4, hour, 59, tzinfo=UTC)
        assert window_of(window, now) == (datetime(*start, tzinfo=UTC), datetime(*end, tzinfo=UTC))


def test_quota_in_all_never_begins_anew() -> None:
    assert window_of("total", datetime(2026, 3, 4, tzinfo=UTC))[1] is None


# -- Two processes -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[LiveServer, LiveServer]]:
    """On one database; with Redis where the tests run with it."""
    with start_fake_provider() as fake:
        env = {
            "OPENAI_API_KEY": "sk-upstream", "OPENAI_REVERSE_PROXY": f"{fake}/v1",
            "OPENAI_MODELS": "m", "LOG_LEVEL": "warning",
        }  # fmt: skip
        first = LiveServer(env=env)
        second = LiveServer(env={**env, "DATABASE_URL": ""}, data_dir=first.data_dir)
        second.env["DATABASE_URL"] = first.env.get("DATABASE_URL", "")
        try:
            first.migrate_quickly()
            for email, role in (("ada@example.com", "USER"), ("bob@example.com", "ADMIN")):
                first.create_user(email, "correct horse battery", role)
            first.start()
            second.start()
            yield first, second
        finally:
            second.close()
            first.close()


async def test_limits_hold_over_two_servers(servers: tuple[LiveServer, LiveServer]) -> None:
    first, _ = servers
    made = await asyncio.to_thread(
        first.manage, "create_api_key", "ada@example.com", "--quiet", "--requests-per-minute", "10"
    )
    headers = {"authorization": f"Bearer {made.strip().splitlines()[-1]}"}
    async with httpx.AsyncClient(headers=headers, timeout=30) as http:
        urls = [f"{server.base_url}/v1/chat/completions" for server in servers] * 7
        statuses = [(await http.post(url, json=chat_body())).status_code for url in urls]
    assert statuses == [200] * 10 + [429] * 4


async def test_revoked_key_is_refused_by_the_other_server_at_once(
    servers: tuple[LiveServer, LiveServer],
) -> None:
    first, second = servers
    token = await asyncio.to_thread(first.sign_in, "bob@example.com", "correct horse battery")
    own = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(timeout=30) as http:
        made = await http.post(f"{first.base_url}/api/api-keys", json={"name": "x"}, headers=own)
        key = {"authorization": f"Bearer {made.json()['key']}"}
        answer = await http.get(f"{second.base_url}/v1/models", headers=key)
        assert answer.status_code == 200
        await http.delete(f"{first.base_url}/api/api-keys/{made.json()['id']}", headers=own)
        for server in servers:
            answer = await http.get(f"{server.base_url}/v1/models", headers=key)
            assert answer.status_code == 401


async def test_change_of_a_channel_holds_on_the_other_server_at_once(
    servers: tuple[LiveServer, LiveServer],
) -> None:
    first, second = servers
    root, password = "root@example.com", "correct horse battery"
    create = ("create_user", root, "--superuser", "--password-stdin")
    await asyncio.to_thread(partial(first.manage, *create, stdin=password))
    made = await asyncio.to_thread(first.manage, "create_api_key", root, "--quiet")
    key = {"authorization": f"Bearer {made.strip().splitlines()[-1]}"}
    own = {"authorization": f"Bearer {await asyncio.to_thread(first.sign_in, root, password)}"}
    channel = {
        "name": "new", "type": 99, "key": "sk-new", "models": "fresh",
        "base_url": first.env["OPENAI_REVERSE_PROXY"],
    }  # fmt: skip
    async with httpx.AsyncClient(timeout=30) as http:

        async def asked(model: str) -> tuple[bool, int]:
            listed = (await http.get(f"{second.base_url}/v1/models", headers=key)).json()
            url = f"{second.base_url}/v1/chat/completions"
            answer = await http.post(url, json=chat_body(model=model), headers=key)
            return model in [each["id"] for each in listed["data"]], answer.status_code

        channels = f"{first.base_url}/api/channel"
        assert await asked("fresh") == (False, 404)
        stored = await http.post(channels, json=channel, headers=own)
        assert stored.status_code == 201, stored.text
        own_channel = f"{channels}/{stored.json()['data']['id']}"
        assert await asked("fresh") == (True, 200)
        await http.put(own_channel, json={"models": "fresher"}, headers=own)
        assert await asked("fresh") == (False, 404)
        assert await asked("fresher") == (True, 200)
        await http.post(f"{own_channel}/disable", headers=own)
        assert await asked("fresher") == (False, 404)


async def test_rows_are_stored_when_the_server_stops(
    servers: tuple[LiveServer, LiveServer],
) -> None:
    """Last: it stops a server in the middle of its work."""
    first, second = servers
    made = await asyncio.to_thread(
        first.manage, "create_api_key", "ada@example.com", "--quiet", "--name", "last"
    )
    headers = {"authorization": f"Bearer {made.strip().splitlines()[-1]}"}
    async with httpx.AsyncClient(headers=headers, timeout=30) as http:
        for _ in range(20):
            answer = await http.post(
                f"{second.base_url}/v1/chat/completions", json=chat_body(stream=True)
            )
            assert frames(answer)[-1] == "[DONE]"
    assert await asyncio.to_thread(second.stop) == 0
    count = await asyncio.to_thread(
        first.manage, "shell", "-v", "0", "-c",
        "from usage.models import RequestLog as R; "
        "print('rows', R.objects.filter(token_name='last', output_tokens=9).count())",
    )  # fmt: skip
    assert count.split("rows ")[1].strip() == "20"
