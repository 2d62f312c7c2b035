"""Copies of conversations: fork, duplicate (contract 03 §3)."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError
from django.utils import timezone

from accounts.models import User
from conversations.models import Conversation, Message
from conversations.models.conversation import TITLE_MAX_LENGTH
from conversations.services.batches import store_messages
from conversations.services.conversations import conversation_not_found
from conversations.services.messages import message_not_found
from conversations.tree import ForkOption, fork, parents_first, split_at
from librechat_backend.lib.errors import Conflict, InvalidRequest
from librechat_backend.lib.ids import NO_PARENT, new_object_id, new_uuid

# A parent is older than its children (contract 03 §1.2).
STEP = timedelta(milliseconds=1)


def fork_option(name: object) -> ForkOption:
    """What the client calls ``name``; anything unknown is the widest, so that nothing is lost."""
    return next((option for option in ForkOption if option == name), ForkOption.TARGET_LEVEL)


def fork_conversation(
    *,
    user: User,
    conversation_id: str,
    message_id: str,
    option: ForkOption,
    split_at_target: bool = False,
    latest_message_id: str = "",
) -> str:
    """Copy a part of the tree, seen from the target ``message_id``; the id of the copy.

    ``split_at_target`` cuts off what is above the target and looks from ``latest_message_id``
    instead. Raises NotFound, InvalidRequest, Conflict.
    """
    source = _source(user, conversation_id)
    originals = _originals(source)
    parents = _parents(originals)
    if message_id not in parents:
        raise message_not_found()
    target = message_id
    if split_at_target:
        if not latest_message_id:
            raise InvalidRequest("latestMessageId is required", key="error")
        parents, target = split_at(parents, message_id), latest_message_id
    chosen = fork(parents, target, option)
    if not chosen:
        raise message_not_found()
    return _copy(source, originals, chosen, title=source.title)


def duplicate_conversation(*, user: User, conversation_id: str, title: str = "") -> str:
    """Copy the whole tree; the id of the copy. Raises NotFound, Conflict."""
    source = _source(user, conversation_id)
    title = title.strip()[:TITLE_MAX_LENGTH] or source.title
    originals = _originals(source)
    return _copy(source, originals, _parents(originals), title=title)


def _source(user: User, conversation_id: str) -> Conversation:
    owned = Conversation.objects.owned_by(user).with_id(conversation_id).first()
    if owned is None:
        raise conversation_not_found()
    return owned


def _originals(source: Conversation) -> dict[str, Message]:
    """One query, so what is copied is the tree of one moment."""
    messages = source.messages.order_by("created_at", "id")
    return {message.message_id: message for message in messages}


def _parents(originals: Mapping[str, Message]) -> dict[str, str]:
    return {id_: message.parent_message_id for id_, message in originals.items()}


def _copy(
    source: Conversation,
    originals: Mapping[str, Message],
    parents: Mapping[str, str],
    *,
    title: str,
) -> str:
    """A new conversation with the messages ``parents`` names."""
    now = timezone.now()
    copy = source  # an instance of Django with a new key is a new row
    copy.pk = new_object_id()
    copy.conversation_id = new_uuid()
    copy.title = title
    copy.created_at = copy.updated_at = now
    messages = _copied_messages(copy, originals, parents_first(parents))
    store_copy(copy, messages)
    return copy.conversation_id


def store_copy(copy: Conversation, messages: Sequence[Message]) -> None:
    """Raises Conflict when the copy, or a project it is in, is deleted before it is whole."""
    is_temporary, expired_at = copy.is_temporary, copy.expired_at
    try:
        store_messages(
            copy, messages, is_new=True, is_temporary=is_temporary, expired_at=expired_at
        )
    except IntegrityError:
        message = "The conversation was changed meanwhile. Try again."
        raise Conflict(message, key="error") from None


def _copied_messages(
    copy: Conversation, originals: Mapping[str, Message], parents: Mapping[str, str]
) -> list[Message]:
    """``parents`` has each message after its parent."""
    new_ids = {original_id: new_uuid() for original_id in parents}
    created: dict[str, datetime] = {}
    for original_id, parent_id in parents.items():
        message = originals[original_id]
        message.pk = new_object_id()
        message.conversation = copy
        message.message_id = new_ids[original_id]
        message.parent_message_id = new_ids.get(parent_id, NO_PARENT)
        message.content = _with_boundaries(message.content, new_ids)
        message.error = message.unfinished = False
        if parent_id in created:
            message.created_at = max(message.created_at, created[parent_id] + STEP)
        created[original_id] = message.created_at
    return [originals[original_id] for original_id in parents]


def _with_boundaries(content: Any, new_ids: Mapping[str, str]) -> Any:
    """A summary says by an id how far it reaches."""
    if not isinstance(content, list):
        return content
    return [_with_boundary(part, new_ids) for part in content]


def _with_boundary(part: Any, new_ids: Mapping[str, str]) -> Any:
    boundary = part.get("boundary") if isinstance(part, dict) else None
    if not isinstance(boundary, dict) or boundary.get("messageId") not in new_ids:
        return part
    return {**part, "boundary": {**boundary, "messageId": new_ids[boundary["messageId"]]}}
