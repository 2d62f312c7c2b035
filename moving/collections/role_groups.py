"""The people of a role, as a group: presets and rules are given to groups here, not to roles.

Such a group is known by its id, which is made of the role's name, and leaves as the role.
"""

import hashlib
from collections.abc import Iterable, Sequence

from accounts.models import Group, Membership, User
from accounts.models.stamp import changing_rules
from accounts.services.groups import add_member, create_group, remove_member
from moving.rows import Row

NAME, NAME_LENGTH = "Role {}", 100
ABOUT = "The people who had this role in LibreChat. Whoever gets it later is to be added."


def role_group_id(role: str) -> str:
    return hashlib.sha256(f"role\x00{role}".encode()).hexdigest()[:24]


def group_of_role(role: str) -> Group:
    """Made of the people who have the role now, where there is none."""
    with changing_rules():
        name = role_group_id(role)
        group = Group.objects.filter(object_id=name).first()
        if group is None:
            title = NAME.format(role)[:NAME_LENGTH]
            group = create_group(actor=None, name=title, description=ABOUT, object_id=name)
            for user in User.objects.filter(role=role).order_by("pk"):
                add_member(actor=None, group=group, user=user)
        return group


def place_in_role_groups(written: Sequence[Row], roles: Iterable[str]) -> None:
    """Each of the accounts in the group of its role and in none of another role's."""
    groups = {
        group.object_id: group
        for group in Group.objects.filter(object_id__in=map(role_group_id, roles))
    }
    if not groups:
        return
    found = Membership.objects.filter(group__in=groups.values())
    here = set(found.values_list("user_id", "group__object_id"))
    wanted = {(row["id"], role_group_id(row["role"])) for row in written}
    people = {user.pk: user for user in User.objects.filter(pk__in=[row["id"] for row in written])}
    with changing_rules():
        for pk, name in sorted(wanted - here):
            if name in groups:
                add_member(actor=None, group=groups[name], user=people[pk])
        for pk, name in sorted(here - wanted):
            if pk in people:
                remove_member(actor=None, group=groups[name], user=people[pk])
