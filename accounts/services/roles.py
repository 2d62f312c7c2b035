"""Roles as rows (contract 04 §11.3)."""

from functools import partial

import structlog
from django.db import transaction

from accounts.models import Role, User
from accounts.models.user import ROLE_ADMIN
from accounts.permissions import Bit, PermissionType, read_role
from librechat_backend.lib.errors import Forbidden

log = structlog.get_logger(__name__)


def set_permissions(
    *, actor: User | None, role_name: str, type_: PermissionType, bits: dict[Bit, bool]
) -> None:
    """Change some bits of one feature; the others stay. ``actor`` None: the server itself.

    Raises Forbidden, NotFound.
    """
    if actor is not None and actor.role != ROLE_ADMIN:
        raise Forbidden("Forbidden: Insufficient permissions")
    read_role(role_name)
    with transaction.atomic():
        Role.objects.get_or_create(name=role_name)
        role = Role.objects.select_for_update().get(name=role_name)
        stored = role.permissions if isinstance(role.permissions, dict) else {}
        kept = stored.get(type_)
        chosen = {str(bit): is_on for bit, is_on in bits.items()}
        merged = (kept if isinstance(kept, dict) else {}) | chosen
        role.permissions = {**stored, str(type_): merged}
        role.save(update_fields=["permissions", "updated_at"])
    by = actor.pk if actor else None
    told = partial(log.info, "role_changed", actor=by, role=role_name, type=str(type_), bits=chosen)
    transaction.on_commit(told)


def lock_administrators() -> None:
    """Hold back others who decide whether to create the first administrator.

    Needs a transaction, at whose end the lock is released. The row is there after a migration;
    its creation here serves databases that were emptied.
    """
    Role.objects.get_or_create(name=ROLE_ADMIN)
    Role.objects.select_for_update().get(name=ROLE_ADMIN)
