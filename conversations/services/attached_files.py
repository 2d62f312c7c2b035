"""Files that go with the chats they were attached to."""

from collections import defaultdict
from typing import Any

from django.db.models import QuerySet

from conversations.models import Message
from files.services.using import release_files

# Owner → ids of files.
Attached = dict[str, set[str]]


def attached_to(messages: QuerySet[Message, Any]) -> Attached:
    """The files of ``messages``. One query."""
    attached: Attached = defaultdict(set)
    rows = messages.exclude(files=[]).order_by().values_list("user_id", "files")
    for user_id, files in rows:
        attached[user_id] |= {str(f.get("file_id")) for f in files if isinstance(f, dict)}
    return attached


def release(attached: Attached) -> None:
    """Delete those that no other message of their owner has. Inside a transaction."""
    for user_id, file_ids in attached.items():
        kept = attached_to(Message.objects.filter(user=user_id)).get(user_id, set())
        release_files(user_id=user_id, file_ids=file_ids - kept)
