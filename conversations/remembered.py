"""Which memories a person's chats may use."""

from typing import Any

from accounts.models import User
from accounts.permissions import Bit, PermissionType, has_permission
from conversations.models import Memory


def uses_memories(user: User, *bits: Bit) -> bool:
    """Whether the person has them on and their role has them and ``bits``. At most one query."""
    is_on = user.personalization.get("memories", True) is not False
    return is_on and has_permission(user, PermissionType.MEMORIES, Bit.USE, *bits)


def memories_for(user: User) -> list[dict[str, Any]]:
    """What the models may know about ``user``, the latest first; nothing for who opted out.

    At most two queries.
    """
    if not uses_memories(user):
        return []
    return list(Memory.objects.owned_by(user).in_pool().rows())
