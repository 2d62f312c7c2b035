"""Changes to what is remembered about a person (contract 03 §12)."""

import re

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import User
from conversations.models import Memory
from conversations.models.memory import MEMORY_KEY_MAX_LENGTH
from conversations.querysets import MemoryQuerySet
from librechat_backend.lib.errors import Conflict, InvalidRequest, NotFound
from providers.tokens import estimate_tokens


class MemoryFull(InvalidRequest):
    """All counts are tokens: what there is, what came on top, and what there may be."""

    def __init__(self, *, used: int, added: int, limit: int) -> None:
        self.used, self.added, self.limit = used, added, limit
        super().__init__(
            f"Adding this memory would exceed the token limit of {limit}. "
            f"Current usage: {used} tokens.",
            key="error",
        )


_KEY = re.compile(r"[a-z_]+")
# A model that finds nothing worth keeping tends to say so under this key.
NO_KEY = "nothing"


@transaction.atomic
def create_memory(*, user: User, key: str, value: str, agent_id: str = "") -> str:
    """The id of a new memory. Raises InvalidRequest, Conflict for a key that is taken."""
    _check_key(key)
    _check_value(value)
    _lock_owner(user.pk)
    pool = Memory.objects.owned_by(user).in_pool(agent_id)
    if pool.filter(key=key).exists():
        raise memory_exists()
    tokens = estimate_tokens(value)
    _check_room(pool, tokens)
    memory = Memory.objects.create(
        user=user,
        agent_id=agent_id,
        key=key,
        value=value,
        token_count=tokens,
        updated_at=timezone.now(),
    )
    return str(memory.pk)


def update_memory(
    *, user: User, memories: MemoryQuerySet, value: str, key: str | None = None
) -> str:
    """Change the one of ``memories`` of ``user``, and its key if one is given; its id.

    Raises NotFound, InvalidRequest, Conflict for a key that is taken.
    """
    _check_value(value)
    try:
        with transaction.atomic():
            _lock_owner(user.pk)
            return _update(memories.owned_by(user), value, key)
    except IntegrityError as error:
        raise memory_exists() from error


def _update(memories: MemoryQuerySet, value: str, key: str | None) -> str:
    memory = memories.first()
    if memory is None:
        raise memory_not_found()
    if key is not None and key != memory.key:
        _check_key(key)
        memory.key = key
    tokens = estimate_tokens(value)
    if tokens > memory.token_count:  # what gets shorter may stay, whatever the limit is by now
        pool = Memory.objects.filter(user=memory.user_id).in_pool(memory.agent_id)
        _check_room(pool.exclude(pk=memory.pk), tokens)
    changes = {"value": value, "token_count": tokens, "updated_at": timezone.now()}
    if not Memory.objects.filter(pk=memory.pk).update(key=memory.key, **changes):
        raise memory_not_found()  # deleted meanwhile
    return str(memory.pk)


@transaction.atomic
def set_memory(*, user: User, key: str, value: str) -> int:
    """Remember ``value`` in all chats of the person, in place of what the key held; its tokens.

    Raises InvalidRequest, MemoryFull.
    """
    _check_key(key)
    _check_value(value)
    _lock_owner(user.pk)
    pool, tokens = Memory.objects.owned_by(user).in_pool(), estimate_tokens(value)
    _check_room(pool.exclude(key=key), tokens)
    Memory.objects.update_or_create(
        user=user,
        agent_id="",
        key=key,
        defaults={"value": value, "token_count": tokens, "updated_at": timezone.now()},
    )
    return tokens


def delete_memory(*, memories: MemoryQuerySet) -> None:
    """Delete the one of ``memories``. Raises NotFound."""
    deleted, _ = memories.delete()
    if not deleted:
        raise memory_not_found()


def memory_not_found() -> NotFound:
    return NotFound("Memory not found.", key="error")


def memory_exists() -> Conflict:
    return Conflict("Memory with this key already exists.", key="error")


def _lock_owner(user_id: str) -> None:
    """So that two at once cannot go beyond the limit together."""
    User.objects.select_for_update(no_key=True).filter(pk=user_id).values("pk").first()


def _check_key(key: str) -> None:
    if len(key) > MEMORY_KEY_MAX_LENGTH:
        raise _refuse(
            f"Key exceeds maximum length of {MEMORY_KEY_MAX_LENGTH} characters. "
            f"Current length: {len(key)} characters."
        )
    if not _KEY.fullmatch(key):  # the client looks for this phrase
        raise _refuse("Key must only contain lowercase letters and underscores")
    if key == NO_KEY:
        raise _refuse("Failed to create memory.")


def _check_value(value: str) -> None:
    limit = settings.MEMORY_CHAR_LIMIT
    if len(value) > limit:
        raise _refuse(
            f"Value exceeds maximum length of {limit} characters. "
            f"Current length: {len(value)} characters."
        )


def _check_room(others: MemoryQuerySet, tokens: int) -> None:
    limit, used = settings.MEMORY_TOKEN_LIMIT, others.token_count()
    if limit and used + tokens > limit:
        raise MemoryFull(used=used, added=tokens, limit=limit)


def _refuse(text: str) -> InvalidRequest:
    return InvalidRequest(text, key="error")
