"""Who gets access to a note, in few words."""

from typing import Any

from accounts.access_roles import AccessBits, Principal, PrincipalType
from accounts.models import AccessEntry, Group, User
from accounts.services.access import grant
from tests.accounts.notes import TYPE


def person(user: User) -> Principal:
    return Principal(PrincipalType.USER, user.pk)


def group_of(group: Group) -> Principal:
    return Principal(PrincipalType.GROUP, group.object_id)


def role_named(name: str) -> Principal:
    return Principal(PrincipalType.ROLE, name)


def give(principal: Principal, bits: AccessBits, note: str = "note") -> None:
    grant(resource_type=TYPE, resource_id=note, principal=principal, bits=bits, granted_by=None)


def bits_of(user: User | None, note: str = "note") -> AccessBits:
    return AccessEntry.objects.bits_of(user, TYPE, note)


def make_group(name: str, parent: Group | None = None, **fields: Any) -> Group:
    return Group.objects.create(name=name, slug=name.lower(), parent=parent, **fields)
