"""Changes of the group tree and of its members.

``actor`` is who changes it, None the server itself (a command, a sign-in). All raise Forbidden
where the actor may not, and InvalidGroup with what is wrong beside each field.
"""

from typing import TypedDict, Unpack

from django.core.exceptions import ValidationError
from django.utils.text import slugify

from accounts.exceptions import GroupInUse, InvalidGroup
from accounts.group_permissions import can_manage_group, can_place_group, require
from accounts.models import Group, Membership, User
from accounts.models.stamp import changing_rules


class GroupFields(TypedDict, total=False):
    name: str
    slug: str
    description: str
    is_active: bool


def create_group(
    *,
    actor: User | None,
    name: str,
    slug: str = "",
    parent: Group | None = None,
    description: str = "",
    is_active: bool = True,
) -> Group:
    """An empty ``slug`` is made of the name."""
    with changing_rules():
        _require_place(actor, parent, "accounts.add_group")
        group = Group(
            name=name.strip(),
            slug=slug or free_slug(name),
            parent=_current(parent) if parent else None,
            description=description,
            is_active=is_active,
        )
        return _saved(group)


def update_group(*, actor: User | None, group: Group, **fields: Unpack[GroupFields]) -> Group:
    with changing_rules():
        group = _current(group)
        _require_group(actor, group)
        if fields.get("is_active", group.is_active) != group.is_active:
            _require_place(actor, group.parent)
        for name, value in fields.items():
            setattr(group, name, value)
        return _saved(group)


def move_group(*, actor: User | None, group: Group, parent: Group | None) -> Group:
    """Refused beside ``parent`` where the tree would have a loop."""
    with changing_rules():
        group = _current(group)
        _require_place(actor, group.parent)
        _require_place(actor, parent)
        group.parent = _current(parent) if parent else None
        return _saved(group)


def delete_group(*, actor: User | None, group: Group) -> None:
    """Its members lose what it gave them. Raises GroupInUse while groups belong to it."""
    with changing_rules():
        group = _current(group)
        _require_place(actor, group.parent, "accounts.delete_group")
        below = [f"“{child}”" for child in group.children.all()]
        if below:
            raise GroupInUse(f"Move or delete the groups below “{group}” first: {_list(below)}.")
        group.delete()


def add_member(
    *,
    actor: User | None,
    group: Group,
    user: User,
    role: str = Membership.Role.MEMBER,
    source: str = Membership.Source.MANUAL,
) -> Membership:
    """A member who is there already keeps their place, and gets ``role``."""
    _check_choice("role", role, Membership.Role.values)
    _check_choice("source", source, Membership.Source.values)
    with changing_rules():
        _require_group(actor, group, "accounts.add_membership")
        membership, is_new = Membership.objects.get_or_create(
            group=group, user=user, defaults={"role": role, "source": source}
        )
        if not is_new and membership.role != role:
            membership.role = role
            membership.save(update_fields=["role"])
        return membership


def remove_member(*, actor: User | None, group: Group, user: User) -> bool:
    """Whether they were one."""
    with changing_rules():
        _require_group(actor, group, "accounts.delete_membership")
        deleted, _ = Membership.objects.filter(group=group, user=user).delete()
        return deleted > 0


def set_role(*, actor: User | None, group: Group, user: User, role: str) -> Membership:
    """Make a member a manager, or the other way round."""
    _check_choice("role", role, Membership.Role.values)
    with changing_rules():
        _require_group(actor, group, "accounts.change_membership")
        membership = Membership.objects.filter(group=group, user=user).first()
        if membership is None:
            raise InvalidGroup({"user": [f"{user} is not in “{group}”."]})
        membership.role = role
        membership.save(update_fields=["role"])
        return membership


def free_slug(name: str) -> str:
    """A short name for ``name`` that no group has."""
    base = slugify(name)[:90] or "group"
    taken = set(Group.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    numbered = (f"{base}-{number}" for number in range(2, len(taken) + 3))
    return next(slug for slug in (base, *numbered) if slug not in taken)


def _current(group: Group) -> Group:
    """As it is now that nobody else can change it."""
    current = Group.objects.filter(pk=group.pk).first()
    if current is None:
        raise InvalidGroup({"__all__": [f"“{group}” has been deleted."]})
    return current


def _saved(group: Group) -> Group:
    try:
        group.full_clean()
    except ValidationError as error:
        raise InvalidGroup(error.message_dict) from error
    group.save()
    return group


def _check_choice(field: str, value: str, choices: list[str]) -> None:
    if value not in choices:
        raise InvalidGroup({field: [f"“{value}” is none of {_list(choices)}."]})


def _require_group(
    actor: User | None, group: Group, permission: str = "accounts.change_group"
) -> None:
    require(actor is None or can_manage_group(actor, group, permission))


def _require_place(
    actor: User | None, parent: Group | None, permission: str = "accounts.change_group"
) -> None:
    require(actor is None or can_place_group(actor, parent, permission))


def _list(names: list[str]) -> str:
    return ", ".join(names)
