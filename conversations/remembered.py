"""Which memories a person's chats may use."""

from collections.abc import Sequence
from typing import Any

from accounts.models import Role, User
from accounts.permissions import (
    Bit,
    PermissionType,
    asking_for_role,
    has_permission,
    role_allows,
)
from conversations import often
from librechat_backend.lib.together import Statement


def uses_memories(user: User, *bits: Bit) -> bool:
    """Whether the person has them on and their role has them and ``bits``. At most one query."""
    return _has_them_on(user) and has_permission(user, PermissionType.MEMORIES, Bit.USE, *bits)


def _has_them_on(user: User) -> bool:
    return user.personalization.get("memories", True) is not False


def asking_for_memories(user: User) -> dict[str, Statement[Any]]:
    """The ``role`` and the ``memories`` of ``user``, to be asked together with others; nothing for
    who opted out."""
    if not _has_them_on(user):
        return {}
    return {
        "role": asking_for_role(user),
        "memories": often.shared_memories.asking(user_id=user.pk),
    }


def read_memories(
    user: User, role: Sequence[Role], memories: Sequence[dict[str, Any]]
) -> Sequence[dict[str, Any]]:
    """What the models may know about ``user``, the latest first: ``memories``, where the role has
    them."""
    return memories if role_allows(user, role, PermissionType.MEMORIES, Bit.USE) else ()
