"""Changes to conversations: update, archive, delete (contract 03 §2)."""

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from conversations.models import Conversation, Message, SharedLink
from conversations.models.conversation import TITLE_MAX_LENGTH
from conversations.querysets import ConversationQuerySet
from conversations.search import index_titles
from conversations.services import attached_files
from conversations.services.revoking import delete_links
from librechat_backend.lib.errors import NotFound


@dataclass(frozen=True, slots=True)
class Deletion:
    """What a deletion removed: the UUIDs of the conversations, and how many messages."""

    conversation_ids: list[str]
    message_count: int


@transaction.atomic
def update_conversation(
    *,
    user: User,
    conversation_id: str,
    title: str | None = None,
    is_archived: bool | None = None,
    is_pinned: bool | None = None,
) -> None:
    """Change what is not None. Raises NotFound."""
    now = timezone.now()
    changes = {
        "title": None if title is None else title.strip()[:TITLE_MAX_LENGTH],
        "is_archived": is_archived,
        "is_pinned": is_pinned,
        # Every change moves the chat up the list (contract 03 §1.1).
        "updated_at": now,
    }
    given: dict[str, Any] = {name: value for name, value in changes.items() if value is not None}
    if is_archived is not None:
        given["archived_at"] = now if is_archived else None
    conversations = Conversation.objects.owned_by(user).with_id(conversation_id)
    if not conversations.update(**given):
        raise conversation_not_found()
    if title is not None:
        index_titles(conversations)


def archive_all_conversations(*, user: User) -> int:
    """Archive what the list shows; the number of conversations that were not archived before."""
    conversations = Conversation.objects.owned_by(user).listed().filter(is_archived=False)
    now = timezone.now()
    return conversations.update(is_archived=True, archived_at=now, updated_at=now)


def delete_conversation(*, user: User, conversation_id: str) -> Deletion:
    """Delete one with its messages and generations. Raises NotFound."""
    deletion = delete_conversations(Conversation.objects.owned_by(user).with_id(conversation_id))
    if not deletion.conversation_ids:
        raise conversation_not_found()
    return deletion


def delete_all_conversations(*, user: User) -> Deletion:
    """Delete all, archived and temporary ones too."""
    return delete_conversations(Conversation.objects.owned_by(user))


@transaction.atomic
def delete_conversations(conversations: ConversationQuerySet) -> Deletion:
    """Delete them with their messages and generations, whoever owns them."""
    # The lock keeps a running generation from adding a message between the steps of the cascade.
    ids = dict(conversations.lock_rows().values_list("pk", "conversation_id"))
    delete_links(links=SharedLink.objects.filter(conversation__in=ids))
    attached = attached_files.attached_to(Message.objects.filter(conversation__in=ids))
    _, counts = Conversation.objects.filter(pk__in=ids).delete()
    attached_files.release(attached)
    return Deletion(list(ids.values()), counts.get("conversations.Message", 0))


def conversation_not_found() -> NotFound:
    return NotFound("Conversation not found", key="error")
