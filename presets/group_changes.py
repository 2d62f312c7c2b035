"""Several changes of a group at once: all of them, or none."""

from collections.abc import Iterable
from typing import Any

from accounts.models import Group, Membership, User
from accounts.models.stamp import changing_rules
from accounts.services.groups import (
    add_member,
    create_group,
    delete_group,
    move_group,
    update_group,
)
from presets.models import Policy
from presets.policies import remember_policy
from presets.services import assignment_state, remember_assignment


def create_group_with_members(*, actor: User, people: Iterable[User], **fields: Any) -> Group:
    """``fields`` as for create_group. Raises InvalidGroup."""
    with changing_rules():
        group = create_group(actor=actor, **fields)
        add_members(actor=actor, group=group, people=people)
        return group


def add_members(
    *, actor: User, group: Group, people: Iterable[User], role: str = Membership.Role.MEMBER
) -> None:
    with changing_rules():
        for person in people:
            add_member(actor=actor, group=group, user=person, role=role)


def change_group(*, actor: User | None, group: Group, fields: dict[str, Any]) -> Group:
    """``fields`` as for update_group, and ``parent``. Raises InvalidGroup."""
    own = {name: value for name, value in fields.items() if name != "parent"}
    with changing_rules():
        if "parent" in fields:
            group = move_group(actor=actor, group=group, parent=fields["parent"])
        return update_group(actor=actor, group=group, **own) if own else group


def delete_group_and_rules(*, actor: User | None, group: Group) -> None:
    """With what it was given, and its rules; all that can be brought back. Raises GroupInUse."""
    with changing_rules():
        for row in group.assignments.select_related("preset", "group", "user"):
            remember_assignment(actor, row, assignment_state(row), None)
        policy = Policy.objects.filter(group=group).first()
        if policy is not None:
            remember_policy(actor, policy, policy, is_deleted=True)
        delete_group(actor=actor, group=group)
