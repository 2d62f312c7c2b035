"""/api/memories (contract 03 §12)."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.db import IntegrityError, connections
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.models import Role, User
from conversations.models import Memory
from conversations.services import memories as services
from librechat_backend.lib.errors import Conflict, InvalidRequest
from providers.tokens import estimate_tokens
from tests.conversations.factories import MOMENT, make_memory

FORBIDDEN = {"message": "Forbidden: Insufficient permissions"}
NOT_FOUND = {"error": "Memory not found."}
TAKEN = {"error": "Memory with this key already exists."}


def send(client: Client, method: str, path: str, body: Any = None) -> Any:
    return getattr(client, method)(
        f"/api/memories{path}", {} if body is None else body, content_type="application/json"
    )


def refusal(answer: Any) -> tuple[int, Any]:
    return answer.status_code, answer.json()


def test_new_memory_is_listed(client: Client, alice: User, settings: Settings) -> None:
    settings.MEMORY_TOKEN_LIMIT = 100
    answer = send(client, "post", "", {"key": " port ", "value": " Brest. "})
    assert answer.status_code == 201
    memory = answer.json()["memory"]
    assert answer.json() == {"created": True, "memory": memory}
    assert memory == {
        "_id": Memory.objects.get().pk,
        "userId": alice.pk,
        "key": "port",
        "value": "Brest.",
        "tokenCount": estimate_tokens("Brest."),
        "updated_at": memory["updated_at"],
    }
    assert client.get("/api/memories").json() == {
        "memories": [memory],
        "totalTokens": memory["tokenCount"],
        "tokenLimit": 100,
        "charLimit": 10_000,
        "usagePercentage": memory["tokenCount"],
    }


def test_list_has_the_latest_change_first_and_counts_the_shared_pool(
    client: Client, alice: User, settings: Settings
) -> None:
    settings.MEMORY_TOKEN_LIMIT = 0
    make_memory(alice, "old", token_count=5)
    make_memory(alice, "new", token_count=7, updated_at=MOMENT + timedelta(hours=1))
    make_memory(alice, "old", agent_id="agent_a", updated_at=MOMENT + timedelta(minutes=1))
    body = client.get("/api/memories").json()
    assert [(m["key"], m.get("agentId")) for m in body["memories"]] == [
        ("new", None), ("old", "agent_a"), ("old", None),
    ]  # fmt: skip
    assert (body["totalTokens"], body["tokenLimit"], body["usagePercentage"]) == (12, None, None)


@pytest.mark.parametrize("size", [1, 25])
def test_list_takes_three_queries_however_long_it_is(
    client: Client, alice: User, size: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for i in range(size):
        make_memory(alice, "k" * (i + 1))
    with django_assert_num_queries(3):  # the caller, the role, the memories
        assert len(client.get("/api/memories").json()["memories"]) == size


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, "Key is required and must be a non-empty string."),
        ([], "Key is required and must be a non-empty string."),
        ({"key": "  ", "value": "x"}, "Key is required and must be a non-empty string."),
        ({"key": 7, "value": "x"}, "Key is required and must be a non-empty string."),
        ({"key": "a"}, "Value is required and must be a non-empty string."),
        ({"key": "a", "value": ["x"]}, "Value is required and must be a non-empty string."),
        ({"key": "a", "value": "\x00"}, "Value is required and must be a non-empty string."),
        (
            {"key": "a" * 1001, "value": "x"},
            "Key exceeds maximum length of 1000 characters. Current length: 1001 characters.",
        ),
        (
            {"key": "a", "value": "x" * 51},
            "Value exceeds maximum length of 50 characters. Current length: 51 characters.",
        ),
        ({"key": "A", "value": "x"}, "Key must only contain lowercase letters and underscores"),
        ({"key": "é", "value": "x"}, "Key must only contain lowercase letters and underscores"),
        ({"key": "a\n", "value": "x"}, None),
        ({"key": "nothing", "value": "x"}, "Failed to create memory."),
        (
            {"key": "a", "value": "x" * 50},
            "Adding this memory would exceed the token limit of 20. Current usage: 8 tokens.",
        ),
        (
            {"key": "a", "value": "x", "agentId": "x" * 129},
            "agentId must be at most 128 characters.",
        ),
    ],
)
def test_memory_is_refused_when_it_is_none(
    client: Client, alice: User, settings: Settings, body: Any, error: str | None
) -> None:
    settings.MEMORY_CHAR_LIMIT, settings.MEMORY_TOKEN_LIMIT = 50, 20
    make_memory(alice)
    answer = send(client, "post", "", body)
    if error is None:  # spaces around a key do not count
        assert answer.status_code == 201
        return
    assert refusal(answer) == (400, {"error": error})
    assert Memory.objects.count() == 1


def test_broken_text_is_refused(client: Client) -> None:
    body = b'{"key": "a", "value": "\\ud800"}'
    answer = client.post("/api/memories", body, content_type="application/json")
    assert answer.status_code == 400
    assert not Memory.objects.exists()


def test_key_is_taken_within_one_pool_only(client: Client) -> None:
    body = {"key": "port", "value": "Brest"}
    assert send(client, "post", "", body).status_code == 201
    assert refusal(send(client, "post", "", body)) == (409, TAKEN)
    assert send(client, "post", "", {**body, "agentId": "agent_a"}).status_code == 201
    assert Memory.objects.count() == 2


def test_limit_is_that_of_each_pool(client: Client, alice: User, settings: Settings) -> None:
    settings.MEMORY_TOKEN_LIMIT = 10
    make_memory(alice, token_count=10)
    assert send(client, "post", "", {"key": "a", "value": "x"}).status_code == 400
    body = {"key": "a", "value": "x", "agentId": "agent_a"}
    assert send(client, "post", "", body).status_code == 201


@pytest.mark.parametrize("by_id", [False, True])
def test_memory_changes(client: Client, alice: User, by_id: bool) -> None:
    memory = make_memory(alice, "port")
    path = f"/id/{memory.pk}" if by_id else "/port"
    answer = send(client, "patch", path, {"value": " Le Havre "})
    assert answer.status_code == 200
    document = answer.json()["memory"]
    assert answer.json() == {"updated": True, "memory": document}
    assert (document["_id"], document["key"], document["value"]) == (memory.pk, "port", "Le Havre")
    assert document["tokenCount"] == estimate_tokens("Le Havre")
    assert document["updated_at"] > "2025-03-05"


def test_memory_is_renamed_unless_the_key_is_taken(client: Client, alice: User) -> None:
    memory = make_memory(alice, "port")
    make_memory(alice, "harbour")
    answer = send(client, "patch", "/port", {"key": "harbour", "value": "x"})
    assert refusal(answer) == (409, TAKEN)
    answer = send(client, "patch", "/port", {"key": "Haven", "value": "x"})
    assert answer.status_code == 400
    answer = send(client, "patch", "/port", {"key": "haven", "value": "x"})
    assert (answer.json()["memory"]["_id"], answer.json()["memory"]["key"]) == (memory.pk, "haven")
    assert sorted(Memory.objects.values_list("key", "value")) == [
        ("harbour", "Brest is my favourite port."),
        ("haven", "x"),
    ]


def test_memory_may_shrink_but_not_grow_beyond_the_limit(
    client: Client, alice: User, settings: Settings
) -> None:
    settings.MEMORY_TOKEN_LIMIT = 20
    make_memory(alice, "big", token_count=100)
    assert send(client, "patch", "/big", {"value": "x" * 80}).status_code == 200
    assert send(client, "patch", "/big", {"value": "x" * 90}).status_code == 400
    assert Memory.objects.get().value == "x" * 80


def test_memory_of_an_agent_is_named_in_the_query(client: Client, alice: User) -> None:
    shared = make_memory(alice, "port")
    make_memory(alice, "port", agent_id="agent a")
    path = f"/port?agentId={quote('agent a')}"
    assert send(client, "patch", path, {"value": "x"}).json()["memory"]["agentId"] == "agent a"
    assert refusal(send(client, "delete", path)) == (200, {"deleted": True})
    assert refusal(send(client, "delete", path)) == (404, NOT_FOUND)
    assert refusal(send(client, "delete", "/port?agentId=%00x")) == (404, NOT_FOUND)
    assert Memory.objects.get() == shared


@pytest.mark.parametrize("by_id", [False, True])
def test_deleted_memory_is_gone(client: Client, alice: User, by_id: bool) -> None:
    memory = make_memory(alice, "port")
    path = f"/id/{memory.pk}" if by_id else "/port"
    assert refusal(send(client, "delete", path)) == (200, {"deleted": True})
    assert refusal(send(client, "delete", path)) == (404, NOT_FOUND)
    assert refusal(send(client, "patch", path, {"value": "x"})) == (404, NOT_FOUND)


def test_nothing_of_another_is_seen_or_changed(client: Client, bob: User) -> None:
    memory = make_memory(bob, "port")
    before = list(Memory.objects.values())
    assert client.get("/api/memories").json()["memories"] == []
    for path in ("/port", f"/id/{memory.pk}"):
        answer = send(client, "patch", path, {"key": "mine", "value": "x"})
        assert refusal(answer) == (404, NOT_FOUND)
        assert refusal(send(client, "delete", path)) == (404, NOT_FOUND)
    assert list(Memory.objects.values()) == before


def test_second_of_two_changes_at_once_hears_that_the_key_is_taken(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the first commits between the second's check and its write."""
    make_memory(alice, "port")

    def collide(*args: Any) -> None:
        raise IntegrityError("memory_once_per_user")

    monkeypatch.setattr(services, "_update", collide)
    memories = Memory.objects.filter(key="port")
    with pytest.raises(Conflict):
        services.update_memory(user=alice, memories=memories, value="x", key="harbour")


@pytest.mark.parametrize("is_on", [False, True])
def test_preference_is_kept_beside_the_others(client: Client, alice: User, is_on: bool) -> None:
    alice.personalization = {"statefulCodeEnvironment": "user"}
    alice.save()
    answer = send(client, "patch", "/preferences", {"memories": is_on})
    assert refusal(answer) == (200, {"updated": True, "preferences": {"memories": is_on}})
    assert client.get("/api/user").json()["personalization"] == {
        "statefulCodeEnvironment": "user",
        "memories": is_on,
    }


@pytest.mark.parametrize("body", [{}, {"memories": "true"}, {"memories": 1}, [], None])
def test_preference_is_refused_when_it_is_no_boolean(client: Client, body: Any) -> None:
    answer = send(client, "patch", "/preferences", body)
    assert refusal(answer) == (400, {"error": "memories must be a boolean value."})


@pytest.mark.parametrize(
    ("missing", "method", "path"),
    [
        ("READ", "get", ""),
        ("CREATE", "post", ""),
        ("OPT_OUT", "patch", "/preferences"),
        ("UPDATE", "patch", "/port"),
        ("UPDATE", "delete", "/port"),
        ("UPDATE", "patch", "/id/x"),
        ("UPDATE", "delete", "/id/x"),
    ],
)
@pytest.mark.parametrize("use", [False, True])
def test_memories_are_closed_to_roles_without_them(
    client: Client, alice: User, missing: str, method: str, path: str, use: bool
) -> None:
    make_memory(alice, "port")
    off = {missing: False} if use else {"USE": False}
    Role.objects.update_or_create(name="USER", defaults={"permissions": {"MEMORIES": off}})
    body = {"key": "a", "value": "x", "memories": False}
    assert refusal(send(client, method, path, body)) == (403, FORBIDDEN)
    alice.refresh_from_db()
    assert alice.personalization == {"memories": True}
    assert Memory.objects.get().key == "port"


def test_time_of_a_change_is_now(client: Client, alice: User) -> None:
    make_memory(alice, "port", updated_at=timezone.now() - timedelta(days=400))
    send(client, "patch", "/port", {"value": "x"})
    assert timezone.now() - Memory.objects.get().updated_at < timedelta(minutes=1)


@pytest.mark.django_db(transaction=True)
def test_limit_holds_when_several_are_made_at_once(alice: User, settings: Settings) -> None:
    settings.MEMORY_TOKEN_LIMIT = 2

    def remember(key: str) -> int:
        try:
            services.create_memory(user=alice, key=key, value="x")
        except InvalidRequest:
            return 400
        finally:
            connections.close_all()
        return 201

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(remember, "abcd")) == [201, 201, 400, 400]
    assert Memory.objects.all().token_count() == 2
