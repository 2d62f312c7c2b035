"""Wire shapes, member by member (contract 02 §8.1, 03 §1.1, §2.1, §7)."""

from datetime import timedelta
from typing import Any

import pytest

from accounts.models import User
from conversations.models import Conversation, Message
from conversations.serializers.conversation import conversation_row_wire, conversation_wire
from conversations.serializers.message import edited_message_wire, feedback_wire, message_wire
from librechat_backend.lib import json
from librechat_backend.lib.ids import NO_PARENT
from tests.conversations.factories import MOMENT, make_answer, make_conversation, make_message

ID = "0b9c3a54-6d1e-4a77-9f3b-2f8f0e1d2c3b"


def only_message() -> dict[str, Any]:
    return Message.objects.rows().get()


def test_document_carries_all_when_all_is_set(alice: User) -> None:
    chat = make_conversation(
        alice,
        conversation_id=ID,
        endpoint="Mine",
        endpoint_type="custom",
        spec="fast",
        icon_url="https://x.test/i.png",
        settings={"temperature": 0, "resendFiles": False, "stop": [], "agent_id": "agent_abc"},
        tags=["sea"],
        files=["f1"],
        is_archived=True,
        archived_at=MOMENT,
        is_pinned=True,
        is_temporary=True,
        expired_at=MOMENT + timedelta(days=1),
    )
    assert conversation_wire(Conversation.objects.rows().get(), messages=["m1", "m2"]) == {
        "_id": chat.pk,
        "conversationId": ID,
        "user": alice.pk,
        "title": "Tide tables",
        "endpoint": "Mine",
        "endpointType": "custom",
        "model": "gpt-4o-mini",
        "spec": "fast",
        "iconURL": "https://x.test/i.png",
        "temperature": 0,
        "resendFiles": False,
        "agent_id": "agent_abc",
        "tags": ["sea"],
        "files": ["f1"],
        "isArchived": True,
        "archivedAt": "2025-03-04T05:06:07.890Z",
        "isTemporary": True,
        "pinned": True,
        "chatProjectId": None,
        "expiredAt": "2025-03-05T05:06:07.890Z",
        "messages": ["m1", "m2"],
        "createdAt": "2025-03-04T05:06:07.890Z",
        "updatedAt": "2025-03-04T05:07:07.890Z",
    }


def test_document_leaves_out_what_is_unset(alice: User) -> None:
    chat = make_conversation(alice, conversation_id=ID, endpoint="", model="")
    assert conversation_wire(Conversation.objects.rows().get(), messages=None) == {
        "_id": chat.pk,
        "conversationId": ID,
        "user": alice.pk,
        "title": "Tide tables",
        "endpoint": None,
        "tags": [],
        "files": [],
        "isArchived": False,
        "archivedAt": None,
        "isTemporary": False,
        "pinned": False,
        "chatProjectId": None,
        "expiredAt": None,
        "createdAt": "2025-03-04T05:06:07.890Z",
        "updatedAt": "2025-03-04T05:07:07.890Z",
    }


def test_document_keeps_its_own_members_when_settings_name_them(alice: User) -> None:
    make_conversation(alice, conversation_id=ID, settings={"conversationId": "x", "user": "y"})
    document = conversation_wire(Conversation.objects.rows().get(), messages=[])
    assert (document["conversationId"], document["user"]) == (ID, alice.pk)


def test_list_row_has_exactly_the_members_of_the_list(alice: User) -> None:
    chat = make_conversation(
        alice,
        conversation_id=ID,
        spec="fast",
        icon_url="https://x.test/i.png",
        settings={"agent_id": "agent_abc", "assistant_id": "asst_abc", "temperature": 1},
        is_pinned=True,
    )
    assert conversation_row_wire(Conversation.objects.list_rows().get()) == {
        "_id": chat.pk,
        "conversationId": ID,
        "user": alice.pk,
        "endpoint": "openAI",
        "model": "gpt-4o-mini",
        "title": "Tide tables",
        "agent_id": "agent_abc",
        "assistant_id": "asst_abc",
        "spec": "fast",
        "iconURL": "https://x.test/i.png",
        "chatProjectId": None,
        "isArchived": False,
        "archivedAt": None,
        "pinned": True,
        "isShared": False,
        "createdAt": "2025-03-04T05:06:07.890Z",
        "updatedAt": "2025-03-04T05:07:07.890Z",
    }


def test_list_row_leaves_out_what_is_unset(alice: User) -> None:
    make_conversation(alice, model="")
    row = conversation_row_wire(Conversation.objects.list_rows().get())
    assert row.keys() == {
        "_id", "conversationId", "user", "endpoint", "title", "chatProjectId", "isArchived",
        "archivedAt", "pinned", "isShared", "createdAt", "updatedAt",
    }  # fmt: skip


def test_question_has_text_and_no_content(alice: User) -> None:
    question = make_message(make_conversation(alice, conversation_id=ID), content=[])
    assert message_wire(only_message()) == {
        "messageId": question.message_id,
        "conversationId": ID,
        "parentMessageId": NO_PARENT,
        "isCreatedByUser": True,
        "sender": "User",
        "text": "When is high tide?",
        "model": None,
        "error": False,
        "unfinished": False,
        "isTemporary": False,
        "expiredAt": None,
        "createdAt": "2025-03-04T05:06:07.890Z",
        "updatedAt": "2025-03-04T05:06:07.890Z",
    }


def test_answer_carries_all_when_all_is_set(alice: User) -> None:
    answer = make_answer(
        make_conversation(alice, conversation_id=ID),
        endpoint="openAI",
        model="gpt-4o-mini",
        icon_url="https://x.test/i.png",
        unfinished=True,
        finish_reason="stop",
        token_count=0,
        files=[{"file_id": "f1"}],
        attachments=[{"toolCallId": "t1"}],
        quotes=["a"],
        feedback={"rating": "thumbsUp", "tag": "accurate_reliable"},
        metadata={"usage": {"input": 1, "output": 2}},
    )
    assert message_wire(only_message()) == {
        "messageId": answer.message_id,
        "conversationId": ID,
        "parentMessageId": NO_PARENT,
        "isCreatedByUser": False,
        "sender": "GPT-4o",
        "text": "",
        "content": [{"type": "text", "text": "At noon."}],
        "endpoint": "openAI",
        "model": "gpt-4o-mini",
        "iconURL": "https://x.test/i.png",
        "error": False,
        "unfinished": True,
        "finish_reason": "stop",
        "tokenCount": 0,
        "files": [{"file_id": "f1"}],
        "attachments": [{"toolCallId": "t1"}],
        "quotes": ["a"],
        "feedback": {"rating": "thumbsUp", "tag": "accurate_reliable"},
        "metadata": {"usage": {"input": 1, "output": 2}},
        "isTemporary": False,
        "expiredAt": None,
        "createdAt": "2025-03-04T05:06:08.890Z",
        "updatedAt": "2025-03-04T05:06:07.890Z",
    }


def test_error_bubble_has_no_content(alice: User) -> None:
    make_answer(make_conversation(alice), text="It failed.", content=[], error=True)
    wire = message_wire(only_message())
    assert "content" not in wire
    assert (wire["error"], wire["text"]) == (True, "It failed.")


def test_answer_stopped_before_its_first_word_has_an_empty_content(alice: User) -> None:
    make_answer(make_conversation(alice), content=[], unfinished=True)
    assert message_wire(only_message())["content"] == []


def test_edited_message_has_exactly_the_members_of_the_answer(alice: User) -> None:
    question = make_message(make_conversation(alice, conversation_id=ID), endpoint="openAI")
    assert edited_message_wire(only_message()) == {
        "messageId": question.message_id,
        "conversationId": ID,
        "parentMessageId": NO_PARENT,
        "sender": "User",
        "text": "When is high tide?",
        "isCreatedByUser": True,
        "endpoint": "openAI",
    }


@pytest.mark.parametrize("stored", [None, {"rating": "thumbsUp", "tag": "accurate_reliable"}])
def test_feedback_names_its_message(alice: User, stored: Any) -> None:
    answer = make_answer(make_conversation(alice, conversation_id=ID), feedback=stored)
    assert feedback_wire(only_message()) == {
        "messageId": answer.message_id,
        "conversationId": ID,
        "feedback": stored,
    }


def test_shapes_are_the_same_when_the_times_of_a_row_are_text(alice: User) -> None:
    make_message(make_conversation(alice, expired_at=MOMENT))
    times = dict.fromkeys(("created_at", "updated_at"), "2025-03-04T05:06:07.890Z")
    chat = {**Conversation.objects.rows().get(), "updated_at": MOMENT}
    message = only_message()
    chat_as_text = json.loads(json.dumps({**chat, **times, "expired_at": times["created_at"]}))
    message_as_text = json.loads(json.dumps({**message, **times}))
    assert conversation_wire(chat_as_text, messages=[]) == conversation_wire(chat, messages=[])
    assert message_wire(message_as_text) == message_wire(message)
