"""What is removed when its time is over (contract 03 §15)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from conversations.models import Conversation, Message, SharedLink
from conversations.services.conversations import delete_conversations
from conversations.services.revoking import delete_links

BATCH = 200
ALL_CHATS = "all"


def expiry(*, is_temporary: bool, now: datetime) -> datetime | None:
    """When a chat that goes on ``now`` is over; None: never."""
    if not is_temporary and settings.RETENTION_MODE != ALL_CHATS:
        return None
    return now + timedelta(hours=settings.TEMPORARY_CHAT_RETENTION_HOURS)


@dataclass(frozen=True, slots=True)
class Purge:
    """How much was removed, or would be."""

    conversation_count: int
    message_count: int


def count_expired() -> Purge:
    """What ``purge_expired`` would remove now."""
    expired = Conversation.objects.expired(timezone.now())
    messages = Message.objects.filter(conversation__in=expired)
    return Purge(expired.count(), messages.count())


def purge_expired() -> Purge:
    """Remove the conversations whose time is over, whoever owns them, and all they hold.

    In small transactions, so that nobody waits long; one that goes on meanwhile is spared. Links
    whose own time is over go, too.
    """
    delete_links(links=SharedLink.objects.expired(timezone.now()))
    expired = Conversation.objects.expired(timezone.now())
    ids = list(expired.values_list("pk", flat=True))
    conversation_count = message_count = 0
    for start in range(0, len(ids), BATCH):
        deletion = delete_conversations(expired.filter(pk__in=ids[start : start + BATCH]))
        conversation_count += len(deletion.conversation_ids)
        message_count += deletion.message_count
    return Purge(conversation_count, message_count)
