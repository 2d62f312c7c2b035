"""Going on with a chat somebody shared: a copy of what the link shows (contract 03 §9.10)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from conversations.models import Conversation, Message, SharedLink
from conversations.services.copies import STEP, store_copy
from conversations.services.retention import expiry
from conversations.shared_content import SharedContent
from conversations.sharing import content_of, shared_rows
from conversations.tree import branch_to, parents_first
from librechat_backend.lib.errors import Conflict, NotFound
from librechat_backend.lib.ids import NO_PARENT, new_uuid
from librechat_backend.lib.times import to_iso
from presets.resolver import offer_for

# What a copy takes over; the rest tells of the owner, or is the reader's own to choose.
COPIED_COLUMNS = (
    "is_created_by_user", "sender", "text", "icon_url", "finish_reason", "token_count", "quotes",
    "created_at",
)  # fmt: skip


def continue_shared(
    *, user: User, link: SharedLink, revision: str | None = None, index: int | None = None
) -> str:
    """Copy what ``link`` shows into a conversation of ``user``; its id.

    ``index`` names one of the messages by its place in what the link shows: only the way to it is
    copied. Places mean something within one ``revision`` alone. Raises NotFound, Conflict when the
    link was updated since ``revision``.
    """
    with transaction.atomic():
        shown = _shown(link, revision, index)
    conversation = _new_conversation(user, link.title)
    store_copy(conversation, _copies(conversation, *shown))
    return conversation.conversation_id


def _shown(
    link: SharedLink, revision: str | None, index: int | None
) -> tuple[list[dict[str, Any]], SharedContent]:
    # The lock keeps the link as it is until it is read.
    current = SharedLink.objects.select_for_update().filter(pk=link.pk).first()
    if current is None:
        raise _nothing_shared()
    if revision is not None and revision != to_iso(current.updated_at):
        raise Conflict("Shared link was updated")
    rows = shared_rows(current)
    if not rows:
        raise _nothing_shared()
    if revision is not None and index is not None and 0 <= index < len(rows):
        rows = branch_to({row["message_id"]: row for row in rows}, rows[index]["message_id"])
    return rows, content_of(current)


def _nothing_shared() -> NotFound:
    return NotFound("Shared conversation not found")


def _new_conversation(user: User, title: str) -> Conversation:
    now = timezone.now()
    return Conversation(
        conversation_id=new_uuid(),
        user=user,
        title=title,
        expired_at=expiry(is_temporary=False, now=now),
        created_at=now,
        updated_at=now,
        **_start_of(user),
    )


def _start_of(user: User) -> dict[str, Any]:
    """What a new chat of ``user`` would run on: what the owner used may not be theirs to use."""
    offer = offer_for(user)
    preset = offer.default or next(iter(offer.listed), None)
    if preset is not None:
        return {"endpoint": preset.endpoint, "model": preset.model, "spec": preset.slug}
    endpoint = next((each for each in offer.endpoints if each.models), None)
    if endpoint is None:
        return {}
    return {
        "endpoint": endpoint.name,
        "endpoint_type": "custom" if endpoint.is_custom else "",
        "model": endpoint.models[0],
    }


def _copies(
    conversation: Conversation, rows: list[dict[str, Any]], content: SharedContent
) -> list[Message]:
    originals = {row["message_id"]: row for row in rows}
    parents = parents_first({id_: row["parent_message_id"] for id_, row in originals.items()})
    new_ids = {id_: new_uuid() for id_ in parents}
    created: dict[str, datetime] = {}
    messages = []
    for id_, parent_id in parents.items():
        message = _copy(conversation, originals[id_], content)
        message.message_id = new_ids[id_]
        message.parent_message_id = new_ids.get(parent_id, NO_PARENT)
        if parent_id in created:
            message.created_at = max(message.created_at, created[parent_id] + STEP)
        created[id_] = message.created_at
        messages.append(message)
    return messages


def _copy(conversation: Conversation, row: Mapping[str, Any], content: SharedContent) -> Message:
    parts = None if row["content"] is None else content.parts(row["content"])
    return Message(
        conversation=conversation,
        user_id=conversation.user_id,
        endpoint=conversation.endpoint,
        expired_at=conversation.expired_at,
        content=parts,
        files=[_without_file(file) for file in content.files(row["files"])],
        attachments=[_without_file(file) for file in content.files(row["attachments"])],
        updated_at=timezone.now(),
        **{name: row[name] for name in COPIED_COLUMNS},
    )


def _without_file(file: dict[str, Any]) -> dict[str, Any]:
    """Its name alone: the file stays its owner's."""
    return {name: value for name, value in file.items() if name not in ("file_id", "filepath")}
