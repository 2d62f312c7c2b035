"""The list of /api/convos (contract 03 §2): what it shows, its order, its pages."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from conversations.models import Conversation
from conversations.querysets import SEARCH_MAX_LENGTH
from librechat_backend.lib.ids import new_uuid
from tests.conversations.conversations_api import listed, post
from tests.conversations.factories import MOMENT, make_conversation, make_message, make_project


def test_list_has_the_shape_the_client_reads(client: Client, chat: Conversation) -> None:
    assert client.get("/api/convos").json() == {
        "conversations": [
            {
                "_id": chat.pk,
                "conversationId": chat.conversation_id,
                "user": chat.user_id,
                "title": "Tide tables",
                "endpoint": "openAI",
                "model": "gpt-4o-mini",
                "isArchived": False,
                "archivedAt": None,
                "pinned": False,
                "isShared": False,
                "chatProjectId": None,
                "createdAt": "2025-03-04T05:06:07.890Z",
                "updatedAt": "2025-03-04T05:07:07.890Z",
            }
        ],
        "nextCursor": None,
    }


def test_list_is_empty_when_the_chats_are_of_others(client: Client, foreign: Conversation) -> None:
    assert client.get("/api/convos").json() == {"conversations": [], "nextCursor": None}


def test_list_hides_temporary_and_expired_chats(client: Client, alice: User) -> None:
    now = timezone.now()
    make_conversation(alice, title="temporary", is_temporary=True)
    make_conversation(alice, title="expired", expired_at=now - timedelta(seconds=1))
    make_conversation(alice, title="expires", expired_at=now + timedelta(hours=1))
    assert listed(client) == ["expires"]


@pytest.mark.parametrize(
    ("value", "titles"),
    [("true", ["old"]), (" TRUE ", ["old"]), ("false", ["new"]), ("1", ["new"]), ("", ["new"])],
)
def test_list_shows_archived_chats_only_when_asked(
    client: Client, alice: User, value: str, titles: list[str]
) -> None:
    make_conversation(alice, title="old", is_archived=True)
    make_conversation(alice, title="new")
    assert listed(client, f"isArchived={value}") == titles


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("tags=sea", ["one", "two"]),
        ("tags=sea&tags=work", ["one", "three", "two"]),
        ("tags=se", []),
        ("tags=SEA", []),
        ("tags=%C3%A4%22b", ["three"]),
        ("tags=%00", []),
        ("tags=", []),
    ],
)
def test_list_is_limited_to_chats_with_any_of_the_tags(
    client: Client, alice: User, query: str, titles: list[str]
) -> None:
    make_conversation(alice, title="one", tags=["sea"])
    make_conversation(alice, title="two", tags=["sea", "work"])
    make_conversation(alice, title="three", tags=["work", 'ä"b'])
    make_conversation(alice, title="four")
    assert sorted(listed(client, query)) == titles


@pytest.mark.parametrize(
    ("search", "titles"),
    [
        ("TIDE", ["High tide"]),
        ("  tide ", ["High tide"]),
        ("100%25", ["100% sure"]),
        ("_", []),
        ("%00", ["100% sure", "High tide"]),
        ("t" * (SEARCH_MAX_LENGTH + 1), []),
        ("%25" * SEARCH_MAX_LENGTH, []),
    ],
)
def test_list_is_limited_to_titles_with_the_text(
    client: Client, alice: User, search: str, titles: list[str]
) -> None:
    make_conversation(alice, title="High tide")
    make_conversation(alice, title="100% sure")
    assert sorted(listed(client, f"search={search}")) == titles


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("", ["b", "a", ""]),
        ("sortBy=updatedAt&sortDirection=asc", ["", "a", "b"]),
        ("sortBy=title", ["b", "a", ""]),
        ("sortBy=title&sortDirection=asc", ["", "a", "b"]),
        ("sortBy=title&sortDirection=sideways", ["b", "a", ""]),
        ("sortBy=createdAt", ["a", "", "b"]),
        ("sortBy=createdAt&sortDirection=asc", ["b", "", "a"]),
    ],
)
def test_list_follows_the_order_asked_for(
    client: Client, alice: User, query: str, titles: list[str]
) -> None:
    for title, created, updated in [("b", 1, 3), ("a", 3, 2), ("", 2, 1)]:
        make_conversation(
            alice,
            title=title,
            created_at=MOMENT + timedelta(seconds=created),
            updated_at=MOMENT + timedelta(seconds=updated),
        )
    assert listed(client, query) == titles


@pytest.mark.parametrize("sort", ["archived_at", "id", "user__password", "settings"])
def test_list_is_refused_when_it_cannot_be_sorted_so(client: Client, sort: str) -> None:
    answer = client.get(f"/api/convos?sortBy={sort}")
    assert answer.status_code == 400
    assert answer.json() == {
        "error": "sortBy must be one of title, createdAt, updatedAt, archivedAt"
    }


@pytest.mark.parametrize(
    ("direction", "titles"), [("desc", ["b", "a", "old"]), ("asc", ["old", "a", "b"])]
)
def test_archived_chats_are_listed_by_when_they_were_archived(
    client: Client, alice: User, direction: str, titles: list[str]
) -> None:
    make_conversation(alice, title="old", is_archived=True)
    for title in ("a", "b"):
        chat = make_conversation(alice, title=title)
        argument = {"conversationId": chat.conversation_id, "isArchived": True}
        assert post(client, "archive", argument).json()["archivedAt"] is not None
    query = f"isArchived=true&sortBy=archivedAt&sortDirection={direction}&limit=2"
    first = client.get(f"/api/convos?{query}").json()
    rest = client.get(f"/api/convos?{query}&cursor={first['nextCursor']}").json()
    rows = first["conversations"] + rest["conversations"]
    assert ([row["title"] for row in rows], rest["nextCursor"]) == (titles, None)
    moments = {row["title"]: row["archivedAt"] for row in rows}
    assert moments["old"] is None
    assert moments["a"] < moments["b"]


@pytest.mark.parametrize(
    ("query", "titles"), [("pinned=true", ["a"]), ("pinned=false", ["b", "a"]), ("", ["b", "a"])]
)
def test_list_is_limited_to_pinned_chats(
    client: Client, alice: User, query: str, titles: list[str]
) -> None:
    make_conversation(alice, title="a", is_pinned=True)
    make_conversation(alice, title="b", updated_at=MOMENT + timedelta(hours=1))
    assert listed(client, query) == titles


def test_list_is_limited_to_a_project(client: Client, alice: User, chat: Conversation) -> None:
    project = make_project(alice)
    make_conversation(alice, title="Inside", project=project)
    assert sorted(listed(client)) == ["Inside", "Tide tables"]
    assert listed(client, "projectId=unassigned") == ["Tide tables"]
    assert listed(client, f"projectId={project.pk}") == ["Inside"]
    assert listed(client, "projectId=66a0c1d2e3f4a5b6c7d8e9f0") == []
    answer = client.get("/api/convos?projectId=mine")
    assert answer.status_code == 400
    assert answer.json() == {"error": "projectId must be a valid project id or unassigned"}


@pytest.mark.parametrize(
    ("limit", "size"),
    [("", 25), ("x", 25), ("0", 1), ("-3", 1), ("2", 2), ("1000", 100), ("9" * 400, 100)],
)
def test_list_has_a_page_of_between_1_and_100_rows(
    client: Client, alice: User, limit: str, size: int
) -> None:
    Conversation.objects.bulk_create(
        Conversation(user=alice, conversation_id=new_uuid(), created_at=MOMENT, updated_at=MOMENT)
        for _ in range(101)
    )
    answer = client.get(f"/api/convos?limit={limit}").json()
    assert len(answer["conversations"]) == size
    assert isinstance(answer["nextCursor"], str)


def test_list_goes_on_after_its_cursor(client: Client, alice: User) -> None:
    for i in range(5):
        make_conversation(alice, title=str(i), updated_at=MOMENT + timedelta(minutes=i // 2))
    first = client.get("/api/convos?limit=3").json()
    make_conversation(alice, title="newest", updated_at=MOMENT + timedelta(hours=1))
    second = client.get("/api/convos", {"limit": "3", "cursor": first["nextCursor"]}).json()
    titles = [row["title"] for row in first["conversations"] + second["conversations"]]
    assert titles == ["4", "3", "2", "1", "0"]
    assert second["nextCursor"] is None


@pytest.mark.parametrize("cursor", ["x", "%00", "%FF", "e30%3D", "a" * 5000])
def test_list_starts_anew_when_the_cursor_is_unusable(
    client: Client, chat: Conversation, cursor: str
) -> None:
    assert listed(client, f"cursor={cursor}") == ["Tide tables"]


@pytest.mark.parametrize("size", [1, 50])
def test_list_takes_two_queries_however_long_it_is(
    client: Client, alice: User, size: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(size):
        make_message(make_conversation(alice, settings={"agent_id": "a"}))
    with django_assert_num_queries(2):  # the caller, the rows
        answer = client.get("/api/convos?limit=100")
    assert len(answer.json()["conversations"]) == size
