"""Changes to tags and to which conversations have them (contract 03 §5).

Conversations keep their place in the list when a tag of theirs is renamed or deleted; only what is
done to one conversation moves it up. Those of one person are changed one after the other: places
and names are told from those of the others.
"""

from collections.abc import Callable

from django.db import transaction
from django.db.models import F, Max
from django.utils import timezone

from accounts.models import User
from accounts.services.locks import lock_user
from conversations.models import Conversation, Tag
from conversations.querysets import ConversationQuerySet, TagQuerySet
from conversations.services.conversations import conversation_not_found
from librechat_backend.lib.errors import Conflict, NotFound

REWRITE_BATCH = 500


@transaction.atomic
def create_tag(
    *, user: User, name: str, description: str = "", conversation_id: str | None = None
) -> str:
    """A new last tag, put on the conversation if one is given; its name.

    A tag that is there already stays as it is, and is put nowhere. Raises NotFound.
    """
    lock_user(user)
    now = timezone.now()
    last = Tag.objects.owned_by(user).aggregate(last=Max("position"))["last"] or 0
    _, is_new = Tag.objects.get_or_create(
        user=user,
        name=name,
        defaults={
            "description": description,
            "position": last + 1,
            "created_at": now,
            "updated_at": now,
        },
    )
    if is_new and conversation_id is not None:
        conversation = _lock_conversation(user, conversation_id)
        _store_tags(conversation, [*conversation.tags, name])
    return name


@transaction.atomic
def update_tag(
    *,
    user: User,
    name: str,
    new_name: str | None = None,
    description: str | None = None,
    position: int | None = None,
) -> str:
    """Change what is not None; the name it has then. Raises NotFound, Conflict."""
    lock_user(user)
    tag = _lock_tag(user, name)
    if new_name is not None and new_name != name:
        if Tag.objects.owned_by(user).filter(name=new_name).exists():
            raise Conflict("A tag of this name exists already.", key="error")
        tag.name = new_name
        tagged = Conversation.objects.owned_by(user).tagged([name])
        _rewrite(tagged, lambda other: new_name if other == name else other)
    if description is not None:
        tag.description = description
    if position is not None and position != tag.position:
        _make_room(Tag.objects.owned_by(user), tag.position, position)
        tag.position = position
    tag.updated_at = timezone.now()
    tag.save()
    return tag.name


@transaction.atomic
def delete_tag(*, user: User, name: str) -> None:
    """Delete it, take it off all conversations and close the gap. Raises NotFound."""
    lock_user(user)
    tag = _lock_tag(user, name)
    _rewrite(
        Conversation.objects.owned_by(user).tagged([name]),
        lambda other: None if other == name else other,
    )
    tag.delete()
    behind = Tag.objects.owned_by(user).filter(position__gt=tag.position)
    behind.update(position=F("position") - 1)


@transaction.atomic
def set_conversation_tags(*, user: User, conversation_id: str, names: list[str]) -> list[str]:
    """Give a conversation exactly these tags; those it has then. Raises NotFound.

    A name nobody has made a tag of becomes one.
    """
    lock_user(user)
    conversation = _lock_conversation(user, conversation_id)
    _store_tags(conversation, names)
    now = timezone.now()
    known = Tag.objects.owned_by(user).filter(name__in=conversation.tags)
    missing = set(conversation.tags) - set(known.values_list("name", flat=True))
    Tag.objects.bulk_create(
        (Tag(user=user, name=name, created_at=now, updated_at=now) for name in sorted(missing)),
        ignore_conflicts=True,
    )
    tags: list[str] = conversation.tags
    return tags


def tag_not_found() -> NotFound:
    return NotFound("Tag not found", key="error")


def _lock_conversation(user: User, conversation_id: str) -> Conversation:
    conversations = Conversation.objects.owned_by(user).with_id(conversation_id).lock_rows()
    conversation = conversations.first()
    if conversation is None:
        raise conversation_not_found()
    return conversation


def _lock_tag(user: User, name: str) -> Tag:
    tag = Tag.objects.owned_by(user).filter(name=name).lock_rows().first()
    if tag is None:
        raise tag_not_found()
    return tag


def _store_tags(conversation: Conversation, names: list[str]) -> None:
    conversation.tags = list(dict.fromkeys(names))
    conversation.updated_at = timezone.now()
    conversation.save(update_fields=["tags", "updated_at"])


def _rewrite(conversations: ConversationQuerySet, renamed: Callable[[str], str | None]) -> None:
    """Give the tags of ``conversations`` new names; None takes a tag off."""
    found = list(conversations.lock_rows().only("pk", "tags"))
    for conversation in found:
        names = [name for tag in conversation.tags if (name := renamed(tag)) is not None]
        conversation.tags = list(dict.fromkeys(names))
    Conversation.objects.bulk_update(found, ["tags"], batch_size=REWRITE_BATCH)


def _make_room(tags: TagQuerySet, before: int, after: int) -> None:
    """Those between the two places make one step towards the place that becomes free."""
    if before < after:
        between = tags.filter(position__gt=before, position__lte=after)
        between.update(position=F("position") - 1)
    else:
        between = tags.filter(position__gte=after, position__lt=before)
        between.update(position=F("position") + 1)
