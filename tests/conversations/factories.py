"""Conversations and messages for tests."""

from datetime import UTC, datetime, timedelta
from typing import Any

from accounts.access_roles import ResourceType
from accounts.models import User
from accounts.services.access import make_owner
from conversations.models import (
    Conversation,
    Memory,
    Message,
    Project,
    Prompt,
    PromptGroup,
    SharedLink,
    Tag,
)
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


def make_memory(user: User, key: str = "favourite_port", **fields: Any) -> Memory:
    values = {"value": "Brest is my favourite port.", "token_count": 8, "updated_at": MOMENT}
    return Memory.objects.create(user=user, key=key, **{**values, **fields})


def make_shared_link(conversation: Conversation, **fields: Any) -> SharedLink:
    """Of all the conversation holds; nobody but its owner may open it before ``grant``."""
    messages = conversation.messages.order_by("created_at", "id")
    values = {
        "title": conversation.title,
        "message_ids": list(messages.values_list("pk", flat=True)),
        "created_at": MOMENT,
        "updated_at": MOMENT,
    }
    link = SharedLink.objects.create(
        user=conversation.user, conversation=conversation, **{**values, **fields}
    )
    make_owner(user=conversation.user, resource_type=ResourceType.SHARED_LINK, resource_id=link.pk)
    return link


def make_prompt(user: User, **fields: Any) -> PromptGroup:
    """A group of ``user`` with one version, which is in use."""
    values = {"name": "Tides", "created_at": MOMENT, "updated_at": MOMENT}
    group = PromptGroup.objects.create(user=user, author_name=user.name, **{**values, **fields})
    group.production = make_version(group)
    group.save(update_fields=["production"])
    make_owner(user=user, resource_type=ResourceType.PROMPT_GROUP, resource_id=group.pk)
    return group


def make_version(group: PromptGroup, **fields: Any) -> Prompt:
    values = {"text": "When is high tide?", "created_at": MOMENT, "updated_at": MOMENT}
    return Prompt.objects.create(**{"group": group, "user": group.user, **values, **fields})
