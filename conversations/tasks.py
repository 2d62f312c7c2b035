"""What the chats have done in the background (librechat_backend/lib/tasks.py)."""

from pathlib import Path

from django.db import transaction

from accounts.models import User
from conversations.models import ChatImport
from conversations.services import imports
from librechat_backend.lib.tasks import LONG, enqueue, task

# What is larger may take so long that others must not wait behind it.
SHORT_BYTES = 8 * 1024 * 1024
SHORT_ARCHIVE_BYTES = 1024 * 1024


@task
def import_chats(import_id: str) -> None:
    imports.run_import(import_id=import_id)


@transaction.atomic
def start_import(*, user: User, path: Path, file_name: str) -> ChatImport:
    """Take over the file at ``path`` and have it imported. Raises TooManyRequests."""
    created = imports.create_import(user=user, path=path, file_name=file_name)
    limit = SHORT_ARCHIVE_BYTES if file_name.lower().endswith(".zip") else SHORT_BYTES
    is_short = created.byte_count <= limit
    work = import_chats if is_short else import_chats.using(queue_name=LONG)
    enqueue(work, created.pk)
    return created
