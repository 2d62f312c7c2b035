"""Many messages → rows, in short transactions, the last of which shows the conversation.

SQLite has one writer's place for everybody: whoever kept it while a chat of 100,000 messages is
written would make all others' turns fail.
"""

import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from conversations.models import Conversation, Message
from conversations.search import index_messages, index_titles

BATCH = 500
# So that people who chat meanwhile get at SQLite's one writer's place.
PAUSE_SECONDS_MAX = 0.02
# What of a chat was stored before its last batch goes when nobody goes on with it.
UNFINISHED_KEPT = timedelta(days=2)


def store_messages(
    conversation: Conversation,
    messages: Sequence[Message],
    *,
    is_new: bool,
    is_temporary: bool = False,
    expired_at: datetime | None,
) -> None:
    """Store ``messages``, and the conversation too if it ``is_new``.

    A new one of more than one batch is a temporary chat until its last batch gives it
    ``is_temporary`` and ``expired_at``: nobody sees half of it in a list or a search, and what a
    dead process left is purged. Raises IntegrityError when it, or what it refers to, is deleted
    meanwhile.
    """
    batches = [messages[start : start + BATCH] for start in range(0, len(messages), BATCH)] or [[]]
    if is_new:
        is_long = len(batches) > 1
        conversation.is_temporary = is_long or is_temporary
        conversation.expired_at = timezone.now() + UNFINISHED_KEPT if is_long else expired_at
    for number, batch in enumerate(batches, start=1):
        began = time.monotonic()
        with transaction.atomic():
            if is_new and number == 1:
                conversation.save(force_insert=True)
            Message.objects.bulk_create(batch)
            index_messages(batch)
            if number == len(batches):
                _show(conversation, is_temporary, expired_at)
        give_way(time.monotonic() - began)


def _show(conversation: Conversation, is_temporary: bool, expired_at: datetime | None) -> None:
    if (conversation.is_temporary, conversation.expired_at) != (is_temporary, expired_at):
        conversation.is_temporary, conversation.expired_at = is_temporary, expired_at
        own = Conversation.objects.filter(pk=conversation.pk)
        if not own.update(is_temporary=is_temporary, expired_at=expired_at):
            raise IntegrityError("The conversation was deleted.")
    index_titles([conversation])


def give_way(seconds: float) -> None:
    """Let others write for as long as one has written oneself, up to a limit."""
    if connection.vendor == "sqlite" and not connection.in_atomic_block:
        time.sleep(min(seconds, PAUSE_SECONDS_MAX))
