"""Changes of the group tree and of its members.

``actor`` is who changes it, None the server itself (a command, a sign-in). All raise Forbidden
where the actor may not, and InvalidGroup with what is wrong beside each field.
"""

from typing import TypedDict, Unpack

from django.core.exceptions import ValidationError
from django.utils.text import slugify

from accounts.changes import Kind, remember
from accounts.exceptions import GroupInUse, InvalidGroup
from accounts.group_permissions import can_manage_group, can_place_group, require
from accounts.models import Group, Membership, User
from accounts.models.stamp import changing_rules
from librechat_backend.lib.json import JSONDict

# Before the id of a person, among the fields of a group that the history keeps.
MEMBER = "member:"


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
    object_id: str = "",
) -> Group:
    """An empty ``slug`` is made of the name. ``object_id`` is of a group that is brought back."""
    with changing_rules():
        _require_place(actor, parent, "accounts.add_group")
        group = Group(
            name=name.strip(),
            slug=slug or free_slug(name),
            parent=_current(parent) if parent else None,
            description=description,
            is_active=is_active,
            **({"object_id": object_id} if object_id else {}),
        )
        return _saved(actor, group, None)


def update_group(*, actor: User | None, group: Group, **fields: Unpack[GroupFields]) -> Group:
    with changing_rules():
        group = _current(group)
        _require_group(actor, group)
        if fields.get("is_active", group.is_active) != group.is_active:
            _require_place(actor, group.parent)
        before = group_state(group)
        for name, value in fields.items():
            setattr(group, name, value)
        return _saved(actor, group, before)


def move_group(*, actor: User | None, group: Group, parent: Group | None) -> Group:
    """Refused beside ``parent`` where the tree would have a loop."""
    with changing_rules():
        group = _current(group)
        _require_place(actor, group.parent)
        _require_place(actor, parent)
        before = group_state(group)
        group.parent = _current(parent) if parent else None
        return _saved(actor, group, before)


def delete_group(*, actor: User | None, group: Group) -> None:
    """Its members lose what it gave them. Raises GroupInUse while groups belong to it."""
    with changing_rules():
        group = _current(group)
        _require_place(actor, group.parent, "accounts.delete_group")
        below = [f"“{child}”" for child in group.children.all()]
        if below:
            raise GroupInUse(f"Move or delete the groups below “{group}” first: {_list(below)}.")
        members = group.memberships.values_list("user_id", "role")
        before = group_state(group) | {_member(user_id): role for user_id, role in members}
        _remember(actor, group, before, None)
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
        group = _current(group)
        _require_group(actor, group, "accounts.add_membership")
        if not User.objects.filter(pk=user.pk).exists():
            raise InvalidGroup({"user": [f"{user} has been deleted."]})
        membership, is_new = Membership.objects.get_or_create(
            group=group, user=user, defaults={"role": role, "source": source}
        )
        before = None if is_new else membership.role
        if not is_new and membership.role != role:
            membership.role = role
            membership.save(update_fields=["role"])
        _remember_member(actor, group, user, before, role)
        return membership


def remove_member(*, actor: User | None, group: Group, user: User) -> bool:
    """Whether they were one."""
    with changing_rules():
        _require_group(actor, group, "accounts.delete_membership")
        memberships = Membership.objects.filter(group=group, user=user)
        role = memberships.values_list("role", flat=True).first()
        memberships.delete()
        _remember_member(actor, group, user, role, None)
        return role is not None


def set_role(*, actor: User | None, group: Group, user: User, role: str) -> Membership:
    """Make a member a manager, or the other way round."""
    _check_choice("role", role, Membership.Role.values)
    with changing_rules():
        _require_group(actor, group, "accounts.change_membership")
        membership = Membership.objects.filter(group=group, user=user).first()
        if membership is None:
            raise InvalidGroup({"user": [f"{user} is not in “{group}”."]})
        _remember_member(actor, group, user, membership.role, role)
        membership.role = role
        membership.save(update_fields=["role"])
        return membership


def group_state(group: Group) -> JSONDict:
    """What the history keeps of a group besides its members."""
    return {
        "name": group.name,
        "slug": group.slug,
        "description": group.description,
        "is_active": group.is_active,
        "parent": group.parent.object_id if group.parent else None,
    }


def _remember(
    actor: User | None, group: Group, before: JSONDict | None, after: JSONDict | None
) -> None:
    remember(
        actor=actor,
        kind=Kind.GROUP,
        subject=group.object_id,
        name=group.name,
        before=before,
        after=after,
    )


def _remember_member(
    actor: User | None, group: Group, user: User, before: str | None, after: str | None
) -> None:
    _remember(actor, group, {_member(user.pk): before}, {_member(user.pk): after})


def _member(user_id: str) -> str:
    return f"{MEMBER}{user_id}"


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


def _saved(actor: User | None, group: Group, before: JSONDict | None) -> Group:
    try:
        group.full_clean()
    except ValidationError as error:
        raise InvalidGroup(error.message_dict) from error
    group.save()
    _remember(actor, group, before, group_state(group))
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
