"""Conversations and messages for tests."""

from datetime import UTC, datetime, timedelta
from typing import Any

from accounts.models import User
from conversations.models import Conversation, Message, Project, Tag
from conversations.search import index_messages, index_titles
from librechat_backend.lib.ids import NO_PARENT, new_uuid

MOMENT = datetime(2025, 3, 4, 5, 6, 7, 890_000, tzinfo=UTC)


def make_conversation(user: User, **fields: Any) -> Conversation:
    values = {
        "conversation_id": new_uuid(),
        "title": "Tide tables",
        "endpoint": "openAI",
        "model": "gpt-4o-mini",
        "created_at": MOMENT,
        "updated_at": MOMENT + timedelta(minutes=1),
    }
    conversation = Conversation.objects.create(user=user, **{**values, **fields})
    index_titles([conversation])
    return conversation


def make_message(conversation: Conversation, **fields: Any) -> Message:
    values = {
        "message_id": new_uuid(),
        "parent_message_id": NO_PARENT,
        "is_created_by_user": True,
        "sender": "User",
        "text": "When is high tide?",
        "created_at": MOMENT,
        "updated_at": MOMENT,
    }
    message = Message.objects.create(
        conversation=conversation, user=conversation.user, **{**values, **fields}
    )
    index_messages([message])
    return message


def make_answer(conversation: Conversation, **fields: Any) -> Message:
    values = {
        "is_created_by_user": False,
        "sender": "GPT-4o",
        "text": "",
        "content": [{"type": "text", "text": "At noon."}],
        "token_count": 100,
        "created_at": MOMENT + timedelta(seconds=1),
    }
    return make_message(conversation, **{**values, **fields})


def make_project(user: User, **fields: Any) -> Project:
    values = {"name": "Sea", "created_at": MOMENT, "updated_at": MOMENT}
    return Project.objects.create(user=user, **{**values, **fields})


def make_tag(user: User, name: str, **fields: Any) -> Tag:
    values = {"created_at": MOMENT, "updated_at": MOMENT}
    return Tag.objects.create(user=user, name=name, **{**values, **fields})
