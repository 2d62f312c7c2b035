"""/api/convos (contract 03 §2): one conversation read, and changed."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from conversations.models import Conversation
from librechat_backend.lib.ids import new_uuid
from librechat_backend.lib.times import to_iso
from tests.conversations.conversations_api import NOT_FOUND, listed, post, snapshot
from tests.conversations.factories import MOMENT, make_answer, make_conversation, make_message

HOSTILE_IDS = ["x", "%00", "a%00b", "%F0%9F%8C%8A", "%FF", "..", "'--", "a" * 5000, "new"]


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


# -- Reading -------------------------------------------------------------------------------


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


# -- Changes -------------------------------------------------------------------------------


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


def test_archiving_all_keeps_when_others_were_archived(client: Client, alice: User) -> None:
    early = make_conversation(alice, is_archived=True, archived_at=MOMENT)
    late = make_conversation(alice)
    client.post("/api/convos/archive/all", {}, content_type="application/json")
    late.refresh_from_db()
    early.refresh_from_db()
    assert early.archived_at == MOMENT
    assert late.archived_at is not None
    assert late.archived_at > MOMENT


def test_moment_of_archiving_goes_when_a_chat_is_taken_back(client: Client, alice: User) -> None:
    chat = make_conversation(alice, is_archived=True, archived_at=MOMENT)
    argument = {"conversationId": chat.conversation_id, "isArchived": False}
    assert post(client, "archive", argument).json()["archivedAt"] is None
