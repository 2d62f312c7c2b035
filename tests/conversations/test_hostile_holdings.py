"""Whatever is sent to links, prompts and memories is answered or refused, and breaks nothing."""

import base64
import json
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client

from accounts.models import User
from conversations.models import Memory, PromptGroup, SharedLink
from tests.conftest import ClientFor
from tests.conversations.factories import (
    make_conversation,
    make_memory,
    make_message,
    make_prompt,
    make_shared_link,
)

HUGE = 10**400
DEEP = "[" * 5000 + "]" * 5000
RAW_BODIES = [
    b"", b"{", b"null", b"7", b'"x"', b"[]", DEEP.encode(), b'{"a":"\\ud800"}', b"\xff\xfe",
    b'{"key":"a","key":"b"}', b"{}" * 3,
]  # fmt: skip
VALUES: list[Any] = [
    None, True, -1, HUGE, 1e308, "", "\x00", "x\x00y", "x" * 70_000, [], {}, ["x"] * 10_000,
    {"a": {"b": [None]}}, "\u202e\ufffe\U0001f9ff", "'; DROP TABLE x; --", "%", "../..",
]  # fmt: skip
NAMES = (
    "targetMessageId", "snapshotFiles", "shareRevision", "targetMessageIndex", "prompt", "group",
    "name", "oneliner", "category", "command", "labels", "key", "value", "agentId", "memories",
)  # fmt: skip
TEXTS = ["%00", "%ff%fe", "%ed%a0%80", "x" * 5000, "%2e%2e", "%F0%9F%A7%BF", "-1", "9" * 400]


def cursors() -> list[str]:
    """Well-formed ones with values no column holds."""
    keys = ["usage_count", "updated_at", "id"]
    moments: list[Any] = ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "x", 7, None]
    made = [[keys, [count, moment, "x"]] for count in (0, HUGE, -1, None) for moment in moments]
    made += [[["created_at", "id"], [moment, "x\x00"]] for moment in moments]
    made += [[["title", "id"], [text, "x"]] for text in ("\x00", "x" * 5000, 7, None)]
    return [base64.urlsafe_b64encode(json.dumps(each).encode()).decode() for each in made]


@pytest.fixture
def client(alice: User, client_for: ClientFor) -> Client:
    client = client_for(alice)
    client.raise_request_exception = False
    return client


@pytest.fixture
def routes(alice: User) -> list[tuple[str, str]]:
    chat = make_conversation(alice)
    make_message(chat)
    link, group, memory = make_shared_link(chat), make_prompt(alice), make_memory(alice)
    return [
        ("post", f"/api/share/{chat.conversation_id}"),
        ("patch", f"/api/share/{link.share_id}"),
        ("post", f"/api/share/{link.share_id}/fork"),
        ("post", "/api/prompts"),
        ("patch", f"/api/prompts/groups/{group.pk}"),
        ("post", f"/api/prompts/groups/{group.pk}/prompts"),
        ("post", f"/api/prompts/groups/{group.pk}/use"),
        ("patch", f"/api/prompts/{group.production_id}/labels"),
        ("patch", f"/api/prompts/{group.production_id}/tags/production"),
        ("post", "/api/memories"),
        ("patch", "/api/memories/preferences"),
        ("patch", f"/api/memories/{memory.key}"),
        ("patch", f"/api/memories/id/{memory.pk}"),
    ]


def check(answer: Any, what: object) -> None:
    assert answer.status_code < 500, what


def test_bodies_of_any_kind_break_nothing(client: Client, routes: list[tuple[str, str]]) -> None:
    bodies = [*RAW_BODIES, *(json.dumps(dict.fromkeys(NAMES, value)).encode() for value in VALUES)]
    bodies += [
        json.dumps({"prompt": {"prompt": value, "type": value}, "group": {"name": value}}).encode()
        for value in VALUES
    ]
    for method, path in routes:
        for body in bodies:
            answer = getattr(client, method)(path, body, content_type="application/json")
            check(answer, (method, path, body[:80]))
    assert SharedLink.objects.count() == 1
    assert Memory.objects.filter(agent_id="").count() == 1
    assert PromptGroup.objects.filter(name="Tides").exists()


@pytest.mark.parametrize(
    "path",
    ["/api/share", "/api/prompts/groups", "/api/prompts/all", "/api/prompts", "/api/memories"],
)
def test_queries_of_any_kind_break_nothing(
    client: Client, routes: list[tuple[str, str]], path: str
) -> None:
    names = ("cursor", "search", "name", "category", "limit", "pageSize", "sortBy", "groupId")
    queries = [f"{name}={text}" for name in names for text in TEXTS]
    for sort in ("createdAt", "title"):
        queries += [f"cursor={quote(cursor)}&sortBy={sort}" for cursor in cursors()]
    for query in queries:
        check(client.get(f"{path}?{query}"), (path, query[:80]))


@pytest.mark.parametrize(
    "path",
    [
        "/api/share/{}", "/api/share/{}/config", "/api/share/link/{}", "/api/prompts/{}",
        "/api/prompts/groups/{}", "/api/memories/{}", "/api/memories/id/{}",
    ],
)  # fmt: skip
def test_paths_of_any_kind_break_nothing(client: Client, path: str) -> None:
    for text in TEXTS:
        for method in ("get", "post", "patch", "delete"):
            answer = getattr(client, method)(path.format(text), content_type="application/json")
            check(answer, (method, path, text[:80]))
