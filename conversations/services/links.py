"""Shared links: made and brought up to date (contract 03 §9.5, §9.6).

Who makes a link owns it; where the person's role allows it, everybody may open it. Both are access
entries, which the person can change afterwards.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.access_roles import PUBLIC, AccessBits, ResourceType
from accounts.models import User
from accounts.permissions import Bit, PermissionType, has_permission
from accounts.services import access
from conversations.models import Conversation, SharedLink
from conversations.models.share import UNTITLED
from conversations.services.retention import expiry
from conversations.services.revoking import link_not_found
from conversations.sharing import snapshots_of
from conversations.tree import ROOT, newest_end
from librechat_backend.lib.errors import Conflict, InvalidRequest, NotFound
from librechat_backend.lib.ids import NO_PARENT

# The client tells two states of a link apart by their time, in milliseconds.
REVISION_STEP = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Shared:
    """What a chat has to share. ``parents`` are ids of messages → ids of their parents, oldest
    first; ``message_ids`` their primary keys.
    """

    message_ids: list[str]
    parents: dict[str, str]


@transaction.atomic
def create_link(
    *, user: User, conversation_id: str, target_message_id: str = "", snapshot_files: bool = True
) -> SharedLink:
    """A link to all a chat holds now, or to ``target_message_id`` and what is above it.

    Raises NotFound, InvalidRequest, Conflict when there is such a link already.
    """
    conversation = _lock_conversation(user, conversation_id)
    shared = _shared(conversation, target_message_id)
    _refuse_second(user, conversation, target_message_id)
    now = timezone.now()
    link = SharedLink(
        user=user,
        conversation=conversation,
        title=conversation.title or UNTITLED,
        message_ids=shared.message_ids,
        target_message_id=target_message_id,
        snapshot_files=snapshot_files,
        expired_at=_expiry(conversation, now),
        created_at=now,
        updated_at=now,
    )
    link.file_snapshots = snapshots_of(link)
    link.save(force_insert=True)
    resource = {"resource_type": ResourceType.SHARED_LINK, "resource_id": link.pk}
    access.make_owner(user=user, **resource)
    if has_permission(user, PermissionType.SHARED_LINKS, Bit.SHARE_PUBLIC):
        access.grant(**resource, principal=PUBLIC, bits=AccessBits.VIEW, granted_by=user)
    return link


@transaction.atomic
def update_link(
    *,
    user: User,
    share_id: str,
    target_message_id: str = "",
    snapshot_files: bool | None = None,
) -> SharedLink:
    """Show what the chat holds by now; id and title stay.

    Without a ``target_message_id`` a link to one message moves on to the end of its branch.
    Raises NotFound, InvalidRequest.
    """
    owned = SharedLink.objects.owned_by(user).current().filter(share_id=share_id)
    found = owned.select_related("conversation").first()
    if found is None:
        raise link_not_found()
    # In the order of a deletion, which must not meet this in a deadlock.
    conversation = _lock_conversation(user, found.conversation.conversation_id)
    link = owned.select_for_update().first()
    if link is None:
        raise link_not_found()
    shared = _shared(conversation, target_message_id)
    if link.target_message_id and not target_message_id:
        target_message_id = newest_end(shared.parents, link.target_message_id)
    now = max(timezone.now(), link.updated_at + REVISION_STEP)
    link.message_ids, link.target_message_id = shared.message_ids, target_message_id
    link.snapshot_files = link.snapshot_files if snapshot_files is None else snapshot_files
    link.expired_at, link.updated_at = _expiry(conversation, now), now
    link.file_snapshots = snapshots_of(link)
    link.save()
    return link


def _lock_conversation(user: User, conversation_id: str) -> Conversation:
    """Its row is what two who share it at once wait for."""
    conversations = Conversation.objects.owned_by(user).with_id(conversation_id).lock_rows()
    conversation = conversations.first()
    if conversation is None:
        raise NotFound("Conversation not found or access denied")
    if conversation.expired_at is not None and conversation.expired_at <= timezone.now():
        raise NotFound  # without a word: its time is over
    return conversation


def _shared(conversation: Conversation, target_message_id: str) -> Shared:
    rows = list(
        conversation.messages.order_by("created_at", "id").values_list(
            "pk", "message_id", "parent_message_id"
        )
    )
    if not rows:
        raise InvalidRequest("No messages to share")
    parents = {id_: ROOT if parent == NO_PARENT else parent for _, id_, parent in rows}
    if target_message_id and target_message_id not in parents:
        raise InvalidRequest("Target message not found")
    return Shared([pk for pk, _, _ in rows], parents)


def _refuse_second(user: User, conversation: Conversation, target_message_id: str) -> None:
    links = SharedLink.objects.owned_by(user).current().filter(conversation=conversation)
    if target_message_id:
        links = links.filter(target_message_id=target_message_id)
    if links.exists():
        raise Conflict("Share already exists")


def _expiry(conversation: Conversation, now: datetime) -> datetime | None:
    """A link to a temporary chat lives no longer than a chat begun now would."""
    is_passing = conversation.is_temporary or conversation.expired_at is not None
    ends = [expiry(is_temporary=is_passing, now=now)]
    if settings.SHARED_LINK_RETENTION_HOURS:
        ends.append(now + timedelta(hours=settings.SHARED_LINK_RETENTION_HOURS))
    return min((end for end in ends if end is not None), default=None)
