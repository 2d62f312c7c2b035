"""Messages that programs store, and messages in pages (contract 03 §7.4, §7.9)."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from conversations.models import Conversation, Message
from librechat_backend.lib.ids import NO_PARENT, new_uuid
from tests.conversations.factories import MOMENT, make_answer, make_conversation, make_message

NOT_SAVED = (400, {"error": "Message not saved"})
NEW = "0b9c3a54-6d1e-4a77-9f3b-2f8f0e1d2c3b"


@pytest.fixture
def chat(alice: User) -> Conversation:
    return make_conversation(alice)


def post(client: Client, chat: Conversation, body: Any) -> Any:
    path = f"/api/messages/{chat.conversation_id}"
    return client.post(path, body, content_type="application/json")


def test_message_is_stored_and_found(client: Client, alice: User, chat: Conversation) -> None:
    parent = make_message(chat)
    body = {
        "messageId": NEW, "parentMessageId": parent.message_id, "sender": "GPT-4.1",
        "content": [{"type": "text", "text": "At noon, by the harbourmaster.", "x": 1}],
        "endpoint": "anthropic", "model": "claude", "iconURL": "https://x.test/i.png",
        "tokenCount": 7, "isCreatedByUser": False, "user": "somebody", "_id": "x",
    }  # fmt: skip
    answer = post(client, chat, body)
    message = Message.objects.get(message_id=NEW)
    assert answer.status_code == 201
    assert answer.json()["_id"] == message.pk
    assert answer.json()["user"] == alice.pk
    assert answer.json()["conversationId"] == chat.conversation_id
    assert answer.json()["content"] == [{"type": "text", "text": "At noon, by the harbourmaster."}]
    assert (message.parent_message_id, message.token_count) == (parent.message_id, 7)
    chat.refresh_from_db()
    assert (chat.endpoint, chat.model) == ("anthropic", "claude")
    assert chat.icon_url == "https://x.test/i.png"
    found = client.get("/api/messages?search=harbourmaster").json()["messages"]
    assert [hit["messageId"] for hit in found] == [NEW]


def test_message_is_changed_when_it_is_there(client: Client, chat: Conversation) -> None:
    message = make_message(chat, text="Tides")
    body = {"messageId": message.message_id, "text": "Moon"}
    assert post(client, chat, body).status_code == 201
    (stored,) = Message.objects.all()
    assert (stored.pk, stored.text, stored.created_at) == (message.pk, "Moon", MOMENT)


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"messageId": ""},
        {"messageId": 1},
        {"messageId": "a" * 65},
        {"messageId": NEW, "parentMessageId": "unknown"},
        {"messageId": NEW, "parentMessageId": NEW},
        {"messageId": NEW, "text": 1},
        {"messageId": NEW, "content": "text"},
        {"messageId": NEW, "content": [1]},
        {"messageId": NEW, "content": [{"type": "text"}]},
        {"messageId": NEW, "content": [{"type": ["text"], "text": "x"}]},
        {"messageId": NEW, "content": [{"type": "tool_call", "tool_call": {}}]},
        {"messageId": NEW, "isCreatedByUser": "yes"},
        {"messageId": NEW, "tokenCount": -1},
        {"messageId": NEW, "tokenCount": 2**31},
        {"messageId": NEW, "tokenCount": 1.5},
        {"messageId": NEW, "sender": "a" * 201},
    ],
)
def test_nothing_is_stored_when_the_message_is_bad(
    client: Client, chat: Conversation, body: Any
) -> None:
    answer = post(client, chat, body)
    assert (answer.status_code, answer.json()) == NOT_SAVED
    assert not Message.objects.exists()


def test_parent_of_a_stored_message_stays(client: Client, chat: Conversation) -> None:
    first = make_message(chat)
    second = make_message(chat, parent_message_id=first.message_id)
    body = {"messageId": first.message_id, "parentMessageId": second.message_id}
    answer = post(client, chat, body)
    assert (answer.status_code, answer.json()) == NOT_SAVED
    first.refresh_from_db()
    assert first.parent_message_id == NO_PARENT


def test_message_of_another_chat_is_not_moved(
    client: Client, alice: User, chat: Conversation
) -> None:
    other = make_message(make_conversation(alice), text="Elsewhere")
    answer = post(client, chat, {"messageId": other.message_id, "text": "Here"})
    assert (answer.status_code, answer.json()) == NOT_SAVED
    assert list(Message.objects.values_list("text", flat=True)) == ["Elsewhere"]


def test_nothing_is_stored_in_the_chat_of_another(client: Client, bob: User) -> None:
    foreign = make_conversation(bob)
    answer = post(client, foreign, {"messageId": NEW, "text": "x"})
    assert (answer.status_code, answer.json()) == (404, {"error": "Conversation not found"})
    assert not Message.objects.exists()


def test_message_is_refused_when_its_body_names_another_chat(
    client: Client, chat: Conversation
) -> None:
    answer = post(client, chat, {"messageId": NEW, "conversationId": new_uuid()})
    assert (answer.status_code, answer.json()) == (400, {"error": "Conversation ID mismatch"})


# -- Pages


@pytest.mark.parametrize("sort", ["createdAt", "updatedAt", "endpoint"])
@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_pages_hold_each_message_once(
    client: Client, chat: Conversation, sort: str, direction: str
) -> None:
    moments = [MOMENT + timedelta(seconds=n // 2) for n in range(7)]
    texts = [
        make_message(chat, text=str(n), created_at=at, updated_at=at, endpoint=str(n // 2)).text
        for n, at in enumerate(moments)
    ]
    query = f"conversationId={chat.conversation_id}&pageSize=3"
    query += f"&sortBy={sort}&sortDirection={direction}"
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = client.get(f"/api/messages?{query}&cursor={cursor}").json()
        assert len(page["messages"]) <= 3
        found += [message["text"] for message in page["messages"]]
        cursor = page["nextCursor"]
    assert found == (texts if direction == "asc" else texts[::-1])


def test_page_holds_one_message_when_it_is_named(client: Client, chat: Conversation) -> None:
    message = make_message(chat)
    make_answer(chat)
    query = f"conversationId={chat.conversation_id}&messageId={message.message_id}"
    page = client.get(f"/api/messages?{query}").json()
    assert [each["messageId"] for each in page["messages"]] == [message.message_id]


def test_page_is_empty_when_the_chat_is_of_another(client: Client, bob: User) -> None:
    message = make_message(make_conversation(bob))
    query = f"conversationId={message.conversation.conversation_id}"
    assert client.get(f"/api/messages?{query}").json() == {"messages": [], "nextCursor": None}


@pytest.mark.parametrize("sort", ["text", "user__password"])
def test_page_is_refused_when_it_cannot_be_sorted_so(
    client: Client, chat: Conversation, sort: str
) -> None:
    path = f"/api/messages?conversationId={chat.conversation_id}&sortBy={sort}"
    assert client.get(path).status_code == 400


@pytest.mark.parametrize("size", [1, 30])
def test_page_takes_two_queries_however_long_it_is(
    client: Client, chat: Conversation, size: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(size):
        make_message(chat)
    with django_assert_num_queries(2):  # the caller, the rows
        page = client.get(f"/api/messages?conversationId={chat.conversation_id}").json()
    assert len(page["messages"]) == min(size, 25)
