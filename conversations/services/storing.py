"""Chats from elsewhere → rows: all of a chat or nothing, and each chat only once (contract 03 §4).

What a chat and its messages are called here follows from whose they are and what they were called
there. So a second import finds them, and adds only what is new.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID, uuid5

from django.utils import timezone

from accounts.models import User
from conversations.imports.chats import SourceChat, SourceMessage
from conversations.message_text import message_text
from conversations.models import Conversation, Message, Project
from conversations.models.conversation import TITLE_MAX_LENGTH
from conversations.services.batches import store_messages
from conversations.services.copies import STEP
from conversations.services.retention import expiry
from conversations.tree import ROOT, parents_first
from librechat_backend.lib.ids import NO_PARENT, new_object_id
from librechat_backend.lib.json import JSONDict
from presets.resolver import Offer

NAMESPACE = UUID("4f1d9a34-7f0f-4c7e-9d49-0b6f8a2b6c11")
CONVERSATION_ID_LENGTH, MESSAGE_ID_LENGTH = 36, 64
RESERVED_IDS = frozenset({"new", "PENDING", "search"})  # contract 03 §0.3
FALLBACK_TITLE = "Imported Chat"
BATCH = 500  # ids in one query


class Stored(StrEnum):
    ADDED = "added"
    EXTENDED = "extended"
    KNOWN = "known"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a chat goes on: an endpoint and model its owner may use."""

    endpoint: str
    endpoint_type: str
    model: str
    spec: str = ""


def store_chat(
    *, user: User, chat: SourceChat, offer: Offer, projects: Mapping[str, str]
) -> Stored:
    """``projects``: what projects are called in the file → the user's own.

    Raises IntegrityError when the chat is changed or deleted by somebody else meanwhile.
    """
    ids = _message_ids(user, chat)
    existing = Conversation.objects.owned_by(user).with_id(_conversation_id(user, chat)).first()
    present = _present_messages(existing)
    conversation = existing or _new_conversation(user, chat, place(offer, chat), projects)
    is_unfinished = existing is not None and _is_unfinished(existing)
    goal = _goal(existing)
    messages = [
        message for message in _messages(conversation, chat, ids, expired_at=goal)
        if message.message_id not in present
    ]  # fmt: skip
    if existing is not None and not messages and not is_unfinished:
        return Stored.KNOWN
    store_messages(conversation, messages, is_new=existing is None, expired_at=goal)
    return Stored.EXTENDED if existing is not None and not is_unfinished else Stored.ADDED


# -- Names ---------------------------------------------------------------------------------


def _conversation_id(user: User, chat: SourceChat) -> str:
    own = chat.source.partition(":")[2]
    is_kept = chat.keeps_ids and _is_id(own, CONVERSATION_ID_LENGTH) and own not in RESERVED_IDS
    return own if is_kept else _derived(user, chat.source)


def _message_ids(user: User, chat: SourceChat) -> dict[str, str]:
    """The key of each message → its id here."""
    kept = {m.key for m in chat.messages if chat.keeps_ids and _is_id(m.key, MESSAGE_ID_LENGTH)}
    kept -= _used_elsewhere(user, chat, kept)
    return {
        m.key: m.key if m.key in kept else _derived(user, f"{chat.source}\x00{m.key}")
        for m in chat.messages
    }


def _used_elsewhere(user: User, chat: SourceChat, keys: set[str]) -> set[str]:
    others = Message.objects.owned_by(user).exclude(
        conversation__conversation_id=_conversation_id(user, chat)
    )
    wanted, used = sorted(keys), set()
    for start in range(0, len(wanted), BATCH):
        found = others.filter(message_id__in=wanted[start : start + BATCH])
        used |= set(found.values_list("message_id", flat=True))
    return used


def _is_id(name: str, length: int) -> bool:
    """Whether it can stand in a column, and in a path."""
    is_usable = 0 < len(name) <= length and "/" not in name and name.isprintable()
    return is_usable and name != NO_PARENT


def _derived(user: User, name: str) -> str:
    return str(uuid5(NAMESPACE, f"{user.pk}\x00{name}"))


def _present_messages(existing: Conversation | None) -> set[str]:
    if existing is None:
        return set()
    return set(existing.messages.order_by().values_list("message_id", flat=True))


# -- Rows ----------------------------------------------------------------------------------


def place(offer: Offer, chat: SourceChat) -> Place:
    """What the chat had where its owner may use it, else what is nearest to it.

    Messages keep what they were written with.
    """
    if chat.keeps_ids:  # it was made here, and comes back as it was
        kind = str(chat.fields.get("endpoint_type", ""))
        return Place(chat.endpoint[:100], kind, chat.model[:200])
    preset = offer.default or next(iter(offer.listed), None)
    if offer.policy.enforce and preset is not None:
        info = offer.endpoint(preset.endpoint)
        kind = "custom" if info is not None and info.is_custom else ""
        return Place(preset.endpoint, kind, preset.model, preset.slug)
    info = offer.endpoint(chat.endpoint) or next(iter(offer.endpoints), None)
    if info is None:
        return Place(chat.endpoint[:100], "", chat.model[:200])
    model = chat.model if chat.model in info.models else next(iter(info.models), "")
    return Place(info.name, "custom" if info.is_custom else "", model)


def _new_conversation(
    user: User, chat: SourceChat, where: Place, projects: Mapping[str, str]
) -> Conversation:
    now = timezone.now()
    created_at = chat.created_at or now
    fields = {name: value for name, value in chat.fields.items() if value is not None}
    spec, _ = fields.pop("spec", ""), fields.pop("endpoint_type", "")
    return Conversation(
        user=user,
        conversation_id=_conversation_id(user, chat),
        title=_title(chat),
        endpoint=where.endpoint,
        endpoint_type=where.endpoint_type,
        model=where.model,
        spec=where.spec or spec,
        settings=chat.settings,
        tags=chat.tags,
        project_id=projects.get(chat.project_id),
        created_at=created_at,
        **{"updated_at": created_at, **fields},
    )


def _title(chat: SourceChat) -> str:
    title = chat.title if chat.keeps_ids else " ".join(chat.title.split()) or FALLBACK_TITLE
    return title[:TITLE_MAX_LENGTH]


def _messages(
    conversation: Conversation,
    chat: SourceChat,
    ids: Mapping[str, str],
    *,
    expired_at: datetime | None,
) -> list[Message]:
    """Each after its parent, and younger (contract 03 §1.2)."""
    by_key = {message.key: message for message in chat.messages}
    parents = parents_first({m.key: m.parent_key for m in chat.messages})
    # Messages of the same moment keep the order of the file.
    pks = {message.key: new_object_id() for message in chat.messages}
    dates: dict[str, datetime] = {}
    rows = []
    for key, parent in parents.items():
        dates[key] = _date(by_key[key], dates.get(parent), conversation.created_at)
        parent_id = NO_PARENT if parent == ROOT else ids[parent]
        row = _message(conversation, by_key[key], ids[key], parent_id, dates[key])
        row.pk, row.expired_at = pks[key], expired_at
        rows.append(row)
    return rows


def _date(message: SourceMessage, parent: datetime | None, fallback: datetime) -> datetime:
    if parent is None:
        return message.created_at or fallback
    return max(message.created_at or parent, parent + STEP)


def _message(
    conversation: Conversation, source: SourceMessage, id: str, parent_id: str, date: datetime
) -> Message:
    text, content = source.text, source.content
    if source.is_created_by_user and content is not None:
        text, content = text or message_text("", content), None
    fields: JSONDict = {name: value for name, value in source.fields.items() if value is not None}
    return Message(
        message_id=id,
        conversation=conversation,
        user_id=conversation.user_id,
        parent_message_id=parent_id,
        is_created_by_user=source.is_created_by_user,
        sender=source.sender[:200],
        text=text,
        content=content,
        endpoint=source.endpoint[:100],
        model=source.model[:200],
        created_at=date,
        **{"updated_at": date, **fields},
    )


def _is_unfinished(conversation: Conversation) -> bool:
    """Begun by an import that has not come to its end."""
    return conversation.is_temporary


def _goal(existing: Conversation | None) -> datetime | None:
    """When the chat is over, once it is whole."""
    if existing is not None and not _is_unfinished(existing):
        return existing.expired_at
    return expiry(is_temporary=False, now=timezone.now())


def own_projects(user: User) -> dict[str, str]:
    """Of chats that name a project of their owner's."""
    return {pk: pk for pk in Project.objects.owned_by(user).values_list("pk", flat=True)}
