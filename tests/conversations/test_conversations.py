"""/api/convos (contract 03 §2)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from conversations.models import Conversation, Message
from conversations.querysets import SEARCH_MAX_LENGTH
from librechat_backend.lib.ids import new_uuid
from librechat_backend.lib.times import to_iso
from tests.conversations.factories import (
    MOMENT,
    make_answer,
    make_conversation,
    make_message,
    make_project,
)

ClientFor = Callable[[User], Client]
NOT_FOUND = {"error": "Conversation not found"}
HOSTILE_IDS = ["x", "%00", "a%00b", "%F0%9F%8C%8A", "%FF", "..", "'--", "a" * 5000, "new"]


@pytest.fixture
def client(alice: User, client_for: ClientFor) -> Client:
    return client_for(alice)


@pytest.fixture
def chat(alice: User) -> Conversation:
    return make_conversation(alice, settings={"temperature": 0.4})


@pytest.fixture
def foreign(bob: User) -> Conversation:
    return make_conversation(bob, title="Of Bob")


def listed(client: Client, query: str = "") -> list[str]:
    answer = client.get(f"/api/convos?{query}")
    assert answer.status_code == 200
    return [row["title"] for row in answer.json()["conversations"]]


def post(client: Client, name: str, argument: Any) -> Any:
    return client.post(f"/api/convos/{name}", {"arg": argument}, content_type="application/json")


def delete(client: Client, argument: Any) -> Any:
    return client.delete("/api/convos", {"arg": argument}, content_type="application/json")


def snapshot() -> list[Any]:
    return list(Conversation.objects.order_by("pk").values())


# -- The list


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", ""), ("delete", ""), ("delete", "/all"), ("post", "/update"), ("post", "/archive"),
        ("post", "/archive/all"), ("post", "/pin"), ("get", "/x"), ("patch", "/x"),
    ],
)  # fmt: skip
def test_access_is_refused_when_there_is_no_token(
    method: str, path: str, chat: Conversation
) -> None:
    before = snapshot()
    assert getattr(Client(), method)(f"/api/convos{path}").status_code == 401
    assert snapshot() == before


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


def test_moment_of_archiving_goes_when_a_chat_is_taken_back(client: Client, alice: User) -> None:
    chat = make_conversation(alice, is_archived=True, archived_at=MOMENT)
    argument = {"conversationId": chat.conversation_id, "isArchived": False}
    assert post(client, "archive", argument).json()["archivedAt"] is None


def test_archiving_all_keeps_when_others_were_archived(client: Client, alice: User) -> None:
    early = make_conversation(alice, is_archived=True, archived_at=MOMENT)
    late = make_conversation(alice)
    client.post("/api/convos/archive/all", {}, content_type="application/json")
    late.refresh_from_db()
    early.refresh_from_db()
    assert early.archived_at == MOMENT
    assert late.archived_at is not None
    assert late.archived_at > MOMENT


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


# -- One conversation


def test_document_has_settings_and_messages(
    client: Client, chat: Conversation, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    messages = [make_message(chat), make_answer(chat)]
    with django_assert_num_queries(3):  # the caller, the conversation, its messages
        answer = client.get(f"/api/convos/{chat.conversation_id}")
    assert answer.status_code == 200
    assert answer.json() == {
        "_id": chat.pk,
        "conversationId": chat.conversation_id,
        "user": chat.user_id,
        "title": "Tide tables",
        "endpoint": "openAI",
        "model": "gpt-4o-mini",
        "temperature": 0.4,
        "messages": [message.pk for message in messages],
        "tags": [],
        "files": [],
        "pinned": False,
        "chatProjectId": None,
        "isArchived": False,
        "archivedAt": None,
        "isTemporary": False,
        "expiredAt": None,
        "createdAt": "2025-03-04T05:06:07.890Z",
        "updatedAt": "2025-03-04T05:07:07.890Z",
    }


def test_document_is_readable_when_the_chat_is_temporary(client: Client, alice: User) -> None:
    chat = make_conversation(alice, is_temporary=True)
    assert client.get(f"/api/convos/{chat.conversation_id}").json()["isTemporary"] is True


def test_document_is_missing_when_the_chat_is_of_another(
    client: Client, foreign: Conversation
) -> None:
    answer = client.get(f"/api/convos/{foreign.conversation_id}")
    assert (answer.status_code, answer.content) == (404, b"")


@pytest.mark.parametrize("hostile", HOSTILE_IDS)
def test_document_is_missing_when_the_id_is_no_id(
    client: Client, chat: Conversation, hostile: str
) -> None:
    assert client.get(f"/api/convos/{hostile}").status_code == 404


def test_two_people_can_have_conversations_of_the_same_id(
    client: Client, chat: Conversation, bob: User
) -> None:
    twin = make_conversation(bob, conversation_id=chat.conversation_id, title="Twin")
    make_message(twin)
    document = client.get(f"/api/convos/{chat.conversation_id}").json()
    assert (document["title"], document["messages"]) == ("Tide tables", [])


# -- Changes


@pytest.mark.parametrize(
    ("name", "members", "status", "stored"),
    [
        ("update", {"title": "  Moon  "}, 201, {"title": "Moon"}),
        ("update", {"title": ""}, 201, {"title": ""}),
        ("update", {"title": "é" * 1025}, 201, {"title": "é" * 1024}),
        ("archive", {"isArchived": True}, 200, {"is_archived": True}),
        ("pin", {"pinned": True}, 200, {"is_pinned": True}),
    ],
)
def test_change_is_stored_and_answered_and_moves_the_chat_up(
    client: Client, chat: Conversation, name: str, members: Any, status: int, stored: Any
) -> None:
    before = Conversation.objects.values().get()
    answer = post(client, name, {"conversationId": chat.conversation_id, **members})
    after = Conversation.objects.values().get()
    assert answer.status_code == status
    assert answer.json() == client.get(f"/api/convos/{chat.conversation_id}").json()
    assert answer.json()["updatedAt"] == to_iso(after["updated_at"])
    if name == "archive":
        stored = {**stored, "archived_at": after["updated_at"]}
    assert after == {**before, **stored, "updated_at": after["updated_at"]}
    assert timezone.now() - after["updated_at"] < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("name", "member", "field"),
    [("archive", "isArchived", "is_archived"), ("pin", "pinned", "is_pinned")],
)
def test_flag_is_taken_back(
    client: Client, alice: User, name: str, member: str, field: str
) -> None:
    chat = make_conversation(alice, **{field: True})
    post(client, name, {"conversationId": chat.conversation_id, member: False})
    assert getattr(Conversation.objects.get(), field) is False


def test_patch_changes_what_it_names(client: Client, chat: Conversation) -> None:
    path = f"/api/convos/{chat.conversation_id}"
    body = {"title": "Moon", "isArchived": True, "pinned": True}
    answer = client.patch(path, body, content_type="application/json")
    assert answer.status_code == 200
    assert {name: answer.json()[name] for name in body} == body
    answer = client.patch(path, {"isArchived": False}, content_type="application/json")
    expected = {"title": "Moon", "isArchived": False, "pinned": True}
    assert {name: answer.json()[name] for name in body} == expected


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"title": 3}, "title must be a string"),
        ({"title": None}, "title is required"),
        ({"isArchived": "true"}, "isArchived must be a boolean"),
        ({"pinned": 1}, "pinned must be a boolean"),
    ],
)
def test_patch_is_refused_when_a_member_is_of_another_type(
    client: Client, chat: Conversation, body: Any, error: str
) -> None:
    before = snapshot()
    path = f"/api/convos/{chat.conversation_id}"
    answer = client.patch(path, {"pinned": True, **body}, content_type="application/json")
    assert (answer.status_code, answer.json()) == (400, {"error": error})
    assert snapshot() == before


@pytest.mark.parametrize(
    ("name", "members", "error"),
    [
        ("update", {}, "title is required"),
        ("update", {"title": None}, "title is required"),
        ("update", {"title": ["x"]}, "title must be a string"),
        ("archive", {}, "isArchived must be a boolean"),
        ("archive", {"isArchived": "true"}, "isArchived must be a boolean"),
        ("archive", {"isArchived": 1}, "isArchived must be a boolean"),
        ("pin", {}, "pinned is required"),
        ("pin", {"pinned": "yes"}, "pinned must be a boolean"),
    ],
)
def test_change_is_refused_when_its_value_is_bad(
    client: Client, chat: Conversation, name: str, members: Any, error: str
) -> None:
    before = snapshot()
    answer = post(client, name, {"conversationId": chat.conversation_id, **members})
    assert (answer.status_code, answer.json()) == (400, {"error": error})
    assert snapshot() == before


@pytest.mark.parametrize("name", ["update", "archive", "pin"])
@pytest.mark.parametrize(
    "argument", [None, [], "x", {}, {"conversationId": 3}, {"conversationId": ""}]
)
def test_change_is_refused_when_it_names_no_conversation(
    client: Client, chat: Conversation, name: str, argument: Any
) -> None:
    before = snapshot()
    answer = post(client, name, argument)
    assert (answer.status_code, answer.json()) == (400, {"error": "conversationId is required"})
    assert snapshot() == before


@pytest.mark.parametrize("body", [b"", b"[]", b"3", b"null"])
def test_change_is_refused_when_the_body_is_no_object(client: Client, body: bytes) -> None:
    answer = client.post("/api/convos/update", body, content_type="application/json")
    assert (answer.status_code, answer.json()) == (400, {"error": "conversationId is required"})


@pytest.mark.parametrize(
    ("name", "members"),
    [("update", {"title": "Mine"}), ("archive", {"isArchived": True}), ("pin", {"pinned": True})],
)
def test_change_does_nothing_when_the_chat_is_of_another(
    client: Client, foreign: Conversation, name: str, members: Any
) -> None:
    before = snapshot()
    for conversation_id in (foreign.conversation_id, new_uuid(), "a\x00b", "x" * 5000):
        answer = post(client, name, {"conversationId": conversation_id, **members})
        assert (answer.status_code, answer.json()) == (404, NOT_FOUND)
    path = f"/api/convos/{foreign.conversation_id}"
    answer = client.patch(path, {"pinned": True}, content_type="application/json")
    assert (answer.status_code, answer.json()) == (404, NOT_FOUND)
    assert snapshot() == before


def test_archive_all_archives_what_the_list_shows(
    client: Client, alice: User, chat: Conversation, foreign: Conversation
) -> None:
    make_conversation(alice, is_archived=True)
    make_conversation(alice, is_temporary=True)
    answer = client.post("/api/convos/archive/all", {}, content_type="application/json")
    assert (answer.status_code, answer.json()) == (200, {"archivedCount": 1})
    assert listed(client) == []
    assert not Conversation.objects.get(pk=foreign.pk).is_archived
    again = client.post("/api/convos/archive/all", b"", content_type="application/json")
    assert again.json() == {"archivedCount": 0}


# -- Deletion


def test_deletion_removes_the_chat_with_its_messages(
    client: Client, alice: User, chat: Conversation, foreign: Conversation
) -> None:
    kept = make_message(make_conversation(alice))
    also_kept = make_message(foreign)
    make_message(chat)
    make_answer(chat)
    answer = delete(client, {"conversationId": chat.conversation_id, "source": "button"})
    assert answer.status_code == 201
    assert answer.json() == {
        "acknowledged": True,
        "deletedCount": 1,
        "messages": {"acknowledged": True, "deletedCount": 2},
        "conversationIds": [chat.conversation_id],
    }
    assert not Conversation.objects.filter(pk=chat.pk).exists()
    assert set(Message.objects.all()) == {kept, also_kept}


def test_deletion_spares_another_when_both_ids_are_equal(
    client: Client, chat: Conversation, bob: User
) -> None:
    twin = make_conversation(bob, conversation_id=chat.conversation_id)
    delete(client, {"conversationId": chat.conversation_id})
    assert list(Conversation.objects.all()) == [twin]


@pytest.mark.parametrize(
    ("argument", "status", "body"),
    [
        ({"source": "button"}, 200, b"No conversationId provided"),
        ({"source": "button", "conversationId": ""}, 200, b"No conversationId provided"),
        ({}, 400, b'{"error":"no parameters provided"}'),
        (None, 400, b'{"error":"no parameters provided"}'),
        ({"endpoint": "openAI"}, 400, b'{"error":"conversationId is required"}'),
        ({"thread_id": "t"}, 400, b'{"error":"conversationId is required"}'),
        ({"conversationId": {"$ne": ""}}, 400, b'{"error":"conversationId is required"}'),
        ({"conversationId": "x"}, 404, b'{"error":"Conversation not found"}'),
    ],
)
def test_deletion_spares_all_when_it_names_none(
    client: Client, chat: Conversation, argument: Any, status: int, body: bytes
) -> None:
    answer = delete(client, argument)
    assert (answer.status_code, answer.content) == (status, body)
    assert Conversation.objects.count() == 1


def test_deletion_spares_the_chat_of_another(client: Client, foreign: Conversation) -> None:
    make_message(foreign)
    answer = delete(client, {"conversationId": foreign.conversation_id})
    assert (answer.status_code, answer.json()) == (404, NOT_FOUND)
    assert (Conversation.objects.count(), Message.objects.count()) == (1, 1)


def test_deletion_of_all_spares_others(
    client: Client, alice: User, chat: Conversation, foreign: Conversation
) -> None:
    archived = make_conversation(alice, is_archived=True)
    make_message(chat)
    make_message(foreign)
    answer = client.delete("/api/convos/all")
    assert answer.status_code == 201
    body = answer.json()
    assert sorted(body.pop("conversationIds")) == sorted(
        [chat.conversation_id, archived.conversation_id]
    )
    assert body == {
        "acknowledged": True,
        "deletedCount": 2,
        "messages": {"acknowledged": True, "deletedCount": 1},
    }
    assert list(Conversation.objects.all()) == [foreign]
    assert Message.objects.count() == 1


def test_deletion_of_all_says_so_when_there_was_nothing(client: Client) -> None:
    answer = client.delete("/api/convos/all")
    assert answer.status_code == 201
    assert answer.json() == {
        "acknowledged": True,
        "deletedCount": 0,
        "messages": {"acknowledged": True, "deletedCount": 0},
        "conversationIds": [],
    }
