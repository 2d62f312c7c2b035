"""Roles as rows."""

from accounts.models import Role
from accounts.models.user import ROLE_ADMIN


def lock_administrators() -> None:
    """Hold back others who decide whether to create the first administrator.

    Needs a transaction, at whose end the lock is released. The row is there after a migration;
    its creation here serves databases that were emptied.
    """
    Role.objects.get_or_create(name=ROLE_ADMIN)
    Role.objects.select_for_update().get(name=ROLE_ADMIN)
