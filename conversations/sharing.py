"""Opening shared links: who may, and what is behind them (contract 03 §9.2, §9.7)."""

from typing import Any

from django.conf import settings

from accounts.access_roles import AccessBits, ResourceType
from accounts.models import AccessEntry, User
from conversations.models import Message, SharedLink
from conversations.shared_content import SharedContent, named_files
from conversations.tree import ROOT, up_to_level
from files.models import File
from librechat_backend.lib.errors import Forbidden, NotAuthenticated, NotFound
from librechat_backend.lib.ids import NO_PARENT
from librechat_backend.lib.json import JSONDict


def open_link(user: User | None, share_id: str) -> SharedLink:
    """A link ``user`` may open; None: nobody is signed in. Two queries.

    Raises NotFound, NotAuthenticated where signing in could help, Forbidden.
    """
    if not settings.ALLOW_SHARED_LINKS:
        raise NotFound("Endpoint not found")
    links = SharedLink.objects.all().opens().filter(share_id=share_id)
    link = links.select_related("conversation").first()
    if link is None:
        raise NotFound("Shared link not found")
    bits = AccessEntry.objects.bits_of(user, ResourceType.SHARED_LINK, link.pk)
    if user is None and not (AccessBits.VIEW in bits and settings.ALLOW_SHARED_LINKS_PUBLIC):
        raise NotAuthenticated("Authentication required")
    if AccessBits.VIEW not in bits:
        raise Forbidden
    return link


def shared_rows(link: SharedLink) -> list[dict[str, Any]]:
    """The messages a link shows that still exist, oldest first. One query."""
    shown = set(link.message_ids)
    of_chat = Message.objects.filter(conversation=link.conversation_id).order_by("created_at", "id")
    rows = [row for row in of_chat.rows() if row["id"] in shown]
    if not link.target_message_id:
        return rows
    parents = {
        row["message_id"]: ROOT
        if row["parent_message_id"] == NO_PARENT
        else row["parent_message_id"]
        for row in rows
    }
    taken = up_to_level(parents, link.target_message_id)
    return [row for row in rows if row["message_id"] in taken]


def content_of(link: SharedLink) -> SharedContent:
    """How the messages of ``link`` are shown."""
    return SharedContent(
        share_id=link.share_id,
        secret=settings.SECRET_KEY,
        shows_files=link.snapshot_files and settings.SHARED_LINKS_SNAPSHOT_FILES,
        file_ids={snapshot["file_id"] for snapshot in link.file_snapshots},
    )


def snapshots_of(link: SharedLink) -> list[JSONDict]:
    """What of the owner's own files the messages of ``link`` name; nothing when they stay private.

    At most two queries.
    """
    if not link.snapshot_files:
        return []
    named = File.objects.owned_by(link.user).with_ids(named_files(shared_rows(link)))
    found = named.order_by("pk").values_list("file_id", "byte_count")
    return [{"file_id": file_id, "bytes": size} for file_id, size in found]


def shared_file(link: SharedLink, file_id: str) -> File:
    """A file that can be opened through ``link``, as it was when it was shared. One query.

    Raises NotFound.
    """
    if not settings.SHARED_LINKS_SNAPSHOT_FILES:
        raise NotFound("Shared file access is disabled")
    snapshots = link.file_snapshots if link.snapshot_files else []
    snapshot = next((each for each in snapshots if each["file_id"] == file_id), None)
    if snapshot is None:
        raise NotFound("File not found in shared link")
    files = File.objects.owned_by(link.user).select_related("blob")
    file = files.filter(file_id=file_id, byte_count=snapshot["bytes"]).first()
    if file is None:
        raise NotFound("File no longer available")
    return file
