"""Whose requests may be looked at: all of them, or those of the groups somebody manages.

What counts is the group somebody was in when they asked: a manager sees what the group used, not
what its people used before they came or after they left.
"""

from accounts.group_permissions import managed_groups, may
from accounts.models import User

PERMISSION = "usage.view_requestlog"


def groups_within(user: User) -> frozenset[int] | None:
    """The groups whose requests ``user`` may see, those below included; None: all requests.

    Empty: none. At most one query for rights and one for groups.
    """
    return None if may(user, PERMISSION) else frozenset(managed_groups(user))
