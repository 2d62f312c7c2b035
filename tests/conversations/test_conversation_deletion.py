"""Deletion in /api/convos (contract 03 §2): the chat goes with its messages, no other does."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from conversations.models import Conversation, Message
from tests.conversations.conversations_api import NOT_FOUND
from tests.conversations.factories import make_answer, make_conversation, make_message


def delete(client: Client, argument: Any) -> Any:
    return client.delete("/api/convos", {"arg": argument}, content_type="application/json")


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
