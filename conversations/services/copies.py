"""Copies of conversations: fork, duplicate (contract 03 §3)."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from conversations.models import Conversation, Message
from conversations.models.conversation import TITLE_MAX_LENGTH
from conversations.search import index_messages, index_titles
from conversations.services.conversations import conversation_not_found
from conversations.services.messages import message_not_found
from conversations.tree import ForkOption, fork, parents_first, split_at
from librechat_backend.lib.errors import InvalidRequest
from librechat_backend.lib.ids import NO_PARENT, new_object_id, new_uuid

# A parent is older than its children (contract 03 §1.2).
STEP = timedelta(milliseconds=1)


def fork_option(name: object) -> ForkOption:
    """What the client calls ``name``; anything unknown is the widest, so that nothing is lost."""
    return next((option for option in ForkOption if option == name), ForkOption.TARGET_LEVEL)


@transaction.atomic
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
    instead. Raises NotFound, InvalidRequest.
    """
    source = _source(user, conversation_id)
    parents = _parents(source)
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
    return _copy(source, chosen, title=source.title)


@transaction.atomic
def duplicate_conversation(*, user: User, conversation_id: str, title: str = "") -> str:
    """Copy the whole tree; the id of the copy. Raises NotFound."""
    source = _source(user, conversation_id)
    title = title.strip()[:TITLE_MAX_LENGTH] or source.title
    return _copy(source, _parents(source), title=title)


def _source(user: User, conversation_id: str) -> Conversation:
    # The lock keeps a running answer from being stored while its tree is copied.
    owned = Conversation.objects.owned_by(user).with_id(conversation_id).lock_rows().first()
    if owned is None:
        raise conversation_not_found()
    return owned


def _parents(source: Conversation) -> dict[str, str]:
    messages = source.messages.order_by("created_at", "id")
    return dict(messages.values_list("message_id", "parent_message_id"))


def _copy(source: Conversation, parents: Mapping[str, str], *, title: str) -> str:
    """A new conversation with the messages ``parents`` names."""
    now = timezone.now()
    originals = {message.message_id: message for message in source.messages.all()}
    copy = source  # an instance of Django with a new key is a new row
    copy.pk = new_object_id()
    copy.conversation_id = new_uuid()
    copy.title = title
    copy.created_at = copy.updated_at = now
    copy.save(force_insert=True)
    messages = _copied_messages(copy, originals, parents_first(parents))
    Message.objects.bulk_create(messages)
    index_titles([copy])
    index_messages(messages)
    return copy.conversation_id


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
        message.error = message.unfinished = False
        if parent_id in created:
            message.created_at = max(message.created_at, created[parent_id] + STEP)
        created[original_id] = message.created_at
    return [originals[original_id] for original_id in parents]
