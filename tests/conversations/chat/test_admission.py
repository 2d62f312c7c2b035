"""Bans and limits at the start of a turn."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Ban, RefreshSession, User, Violation
from conversations.chat import jobs as jobs_module
from conversations.models import Generation
from librechat_backend.lib.aio import in_database
from librechat_backend.lib.ids import new_uuid
from tests.conversations.chat.scripted import Answer, ChatClient, ScriptedAdapter, payload

pytestmark = pytest.mark.django_db(transaction=True)

START = "/api/agents/chat/openAI"


async def attempt(user: User, **fields: Any) -> Answer:
    return await ChatClient(user).post(START, payload(isTemporary=True, **fields))


def ban(user: User | None = None, ip_address: str | None = None, hours: float = 1) -> Ban:
    until = timezone.now() + timedelta(hours=hours)
    return Ban.objects.create(user=user, ip_address=ip_address, expires_at=until)


@pytest.mark.parametrize("by", ["user", "address"])
async def test_banned_person_starts_no_turn(model: ScriptedAdapter, alice: User, by: str) -> None:
    row = await in_database(ban, alice if by == "user" else None, "127.0.0.1")
    answer = await attempt(alice)
    assert (answer.status, answer.json()) == (403, {"type": "ban"})
    assert not await Generation.objects.aexists()
    await row.adelete()
    assert (await attempt(alice)).status == 200


async def test_ban_of_another_or_of_yesterday_is_no_ban(
    model: ScriptedAdapter, alice: User, bob: User
) -> None:
    await in_database(ban, bob, "203.0.113.1")
    await in_database(ban, alice, "127.0.0.1", -1)
    assert (await attempt(alice)).status == 200


async def test_running_answer_stops_when_its_person_is_banned(
    model: ScriptedAdapter, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await attempt(alice)).status == 200
    await in_database(ban, alice)
    async with asyncio.timeout(jobs_module.HEARTBEAT_SECONDS + 2):
        while await Generation.objects.running().aexists():
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("limiter", ["ip", "user"])
async def test_messages_beyond_the_limit_are_refused(
    model: ScriptedAdapter, alice: User, bob: User, settings: Settings, limiter: str
) -> None:
    setattr(settings, f"LIMIT_MESSAGE_{limiter.upper()}", True)
    setattr(settings, f"MESSAGE_{limiter.upper()}_MAX", 2)
    setattr(settings, f"MESSAGE_{limiter.upper()}_WINDOW", 3)
    assert [(await attempt(alice)).status for _ in range(2)] == [200, 200]
    refused = await attempt(alice)
    assert refused.status == 429
    assert refused.json() == {
        "type": "message_limit", "max": 2, "limiter": limiter, "windowInMinutes": 3,
    }  # fmt: skip
    assert 0 < int(refused.headers["retry-after"]) <= 180
    assert await Generation.objects.acount() == 2
    row = await Violation.objects.aget()
    assert (row.user_id, row.kind, row.score) == (alice.pk, "message_limit", 1)
    assert (await attempt(bob)).status == (429 if limiter == "ip" else 200)


async def test_answers_beyond_the_limit_are_refused(
    model: ScriptedAdapter, alice: User, bob: User, settings: Settings
) -> None:
    settings.LIMIT_CONCURRENT_MESSAGES = True
    request_id = new_uuid()
    first = await attempt(alice, clientRequestId=request_id)
    assert [first.status, (await attempt(alice)).status] == [200, 200]
    refused = await attempt(alice)
    assert (refused.status, refused.json()) == (
        429,
        {"type": "concurrent", "limit": 2, "pendingRequests": 2, "score": 1},
    )
    assert (await attempt(bob)).status == 200
    conversation_id = first.json()["conversationId"]
    await ChatClient(alice).post("/api/agents/chat/abort", {"conversationId": conversation_id})
    assert (await attempt(alice)).status == 200


async def test_exactly_the_limit_begins_when_turns_come_at_once(
    model: ScriptedAdapter, alice: User, settings: Settings
) -> None:
    settings.LIMIT_CONCURRENT_MESSAGES = True
    settings.CONCURRENT_MESSAGE_MAX = 3
    answers = await asyncio.gather(*(attempt(alice) for _ in range(10)))
    assert sorted(answer.status for answer in answers) == [200] * 3 + [429] * 7
    assert await Generation.objects.running().acount() == 3
    refused = next(answer for answer in answers if answer.status == 429)
    assert refused.json()["type"] == "concurrent"


async def test_repeated_request_is_no_answer_more(
    model: ScriptedAdapter, alice: User, settings: Settings
) -> None:
    settings.LIMIT_CONCURRENT_MESSAGES = True
    settings.CONCURRENT_MESSAGE_MAX = 1
    request_id = new_uuid()
    answers = [await attempt(alice, clientRequestId=request_id) for _ in range(2)]
    assert [answer.json()["status"] for answer in answers] == ["started", "resumed"]


async def test_ban_follows_each_time_the_score_passes_the_interval(
    model: ScriptedAdapter, alice: User, settings: Settings
) -> None:
    settings.LIMIT_MESSAGE_USER = settings.BAN_VIOLATIONS = True
    settings.MESSAGE_USER_MAX, settings.BAN_INTERVAL = 1, 4
    settings.MESSAGE_VIOLATION_SCORE = 2
    await RefreshSession.objects.acreate(
        user=alice, token_hash="x", expires_at=timezone.now() + timedelta(days=1)
    )
    answers = [await attempt(alice) for _ in range(4)]
    assert [answer.status for answer in answers] == [200, 429, 429, 403]
    row = await Ban.objects.aget()
    assert (row.user_id, row.ip_address) == (alice.pk, "127.0.0.1")
    left = row.expires_at - timezone.now()
    assert timedelta(hours=1, minutes=59) < left < timedelta(hours=2)
    assert not await RefreshSession.objects.aexists()


async def test_nobody_is_banned_when_bans_are_off(
    model: ScriptedAdapter, alice: User, settings: Settings
) -> None:
    settings.LIMIT_MESSAGE_USER = True
    settings.MESSAGE_USER_MAX, settings.BAN_INTERVAL = 1, 1
    assert [(await attempt(alice)).status for _ in range(4)] == [200, 429, 429, 429]
    assert not await Ban.objects.aexists()
