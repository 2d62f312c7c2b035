"""Who may change groups. What nobody allows here is denied.

Administrators may change everything; staff what Django's model permissions say; the managers of a
group may change it and all groups below it.
"""

from accounts.groups import managed_group_ids
from accounts.models import Group, Membership, User
from accounts.models.user import ROLE_ADMIN
from librechat_backend.lib.errors import Forbidden


def may(user: User, permission: str) -> bool:
    """Whether ``user`` may do this everywhere; ``permission`` is Django's ``app.verb_model``."""
    if not user.is_active:
        return False
    if user.is_superuser or user.role == ROLE_ADMIN:
        return True
    return user.is_staff and user.has_perm(permission)


def managed_groups(user: User) -> set[int]:
    """The ids of the groups ``user`` manages, with all groups below them. One query."""
    return managed_group_ids(user.id) if user.is_active else set()


def is_group_manager(user: User) -> bool:
    return bool(managed_groups(user))


def can_manage_group(user: User, group: Group, permission: str = "accounts.change_group") -> bool:
    return may(user, permission) or group.pk in managed_groups(user)


def can_place_group(
    user: User, parent: Group | None, permission: str = "accounts.change_group"
) -> bool:
    """Whether ``user`` may put groups below ``parent``, take them away, switch them on and off.

    For managers it takes the group above: otherwise they could escape what it takes from them.
    """
    if may(user, permission):
        return True
    return parent is not None and parent.pk in managed_groups(user)


def can_see_person(user: User, person: User) -> bool:
    """Whether ``user`` may look at what ``person`` gets, and give and take things."""
    if may(user, "accounts.view_user"):
        return True
    managed = managed_groups(user)
    return Membership.objects.filter(user=person, group__in=managed).exists()


def require(is_allowed: bool, message: str = "You may not change this.") -> None:
    """Raises Forbidden."""
    if not is_allowed:
        raise Forbidden(message)
