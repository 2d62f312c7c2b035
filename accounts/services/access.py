"""Giving and taking what people may do with a single resource (contract 04 §12).

The owner of a resource keeps every right to it: who may share it cannot push its owner out.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import structlog
from django.db import transaction

from accounts.access_roles import (
    OWNER_BITS,
    PUBLIC,
    AccessBits,
    AccessRole,
    Principal,
    PrincipalType,
    ResourceType,
)
from accounts.models import AccessEntry, Group, Role, User
from accounts.models.user import ROLE_ADMIN, ROLE_USER
from accounts.permissions import Bit, Matrix, PermissionType, matrix_of
from accounts.shareable import Shareable, find_shareable
from librechat_backend.lib.errors import Forbidden, InvalidRequest, NotFound

# Which bit of PEOPLE_PICKER lets a person name somebody they have not been shown.
PICKER_BITS = {
    PrincipalType.USER: Bit.VIEW_USERS,
    PrincipalType.GROUP: Bit.VIEW_GROUPS,
    PrincipalType.ROLE: Bit.VIEW_ROLES,
}

log = structlog.get_logger(__name__)


class InvalidSharing(InvalidRequest):
    """The client shows one sentence of its own, whatever this says."""

    def __init__(self, problem: str) -> None:
        super().__init__("Failed to update permissions", key="error", details=problem)


class SharingRefused(Forbidden):
    def __init__(self, reason: str) -> None:
        super().__init__("Forbidden", key="error", message=reason)


@dataclass(frozen=True, slots=True)
class Grant:
    principal: Principal
    role: AccessRole


@dataclass(frozen=True, slots=True)
class Resource:
    """One that exists."""

    type: ResourceType
    id: str
    owner_id: str
    shareable: Shareable


def find_resource(resource_type: ResourceType, resource_id: str) -> Resource:
    """Raises NotFound."""
    shareable = find_shareable(resource_type)
    owner_id = shareable.owner_of(resource_id) if shareable else None
    if shareable is None or owner_id is None:
        raise _missing(resource_type)
    return Resource(resource_type, resource_id, owner_id, shareable)


def require_access(
    *,
    user: User | None,
    resource_type: ResourceType,
    resource_id: str,
    bits: AccessBits = AccessBits.VIEW,
) -> AccessBits:
    """All that ``user`` may do, where that includes ``bits``. One query.

    Raises Forbidden; NotFound where they may not even look at it, as if it did not exist.
    """
    allowed = AccessEntry.objects.bits_of(user, resource_type, resource_id)
    if AccessBits.VIEW not in allowed:
        raise _missing(resource_type)
    if bits not in allowed:
        raise SharingRefused(f"Insufficient permissions to access this {resource_type}")
    return allowed


def make_owner(*, user: User, resource_type: ResourceType, resource_id: str) -> None:
    """For whoever creates a resource, in the transaction that creates it."""
    grant(
        resource_type=resource_type,
        resource_id=resource_id,
        principal=Principal(PrincipalType.USER, user.pk),
        bits=OWNER_BITS,
        granted_by=user,
    )


def grant(
    *,
    resource_type: ResourceType,
    resource_id: str,
    principal: Principal,
    bits: AccessBits,
    granted_by: User | None,
) -> AccessEntry:
    """Exactly ``bits``, in place of what ``principal`` had. Checks no rights.

    Raises InvalidSharing for a principal there is not, and for no bits.
    """
    if not bits:
        raise InvalidSharing("A share has to allow something.")
    entry, _ = AccessEntry.objects.update_or_create(
        resource_type=resource_type,
        resource_id=resource_id,
        principal_type=principal.type,
        **_columns(principal),
        defaults={"bits": bits.value, "granted_by": granted_by},
    )
    return entry


def revoke(*, resource_type: ResourceType, resource_id: str, principal: Principal) -> bool:
    """Whether there was something to take. Checks no rights."""
    entries = AccessEntry.objects.of_principal(principal)
    deleted, _ = entries.filter(resource_type=resource_type, resource_id=resource_id).delete()
    return deleted > 0


def forget_resources(*, resource_type: ResourceType, resource_ids: Iterable[str]) -> None:
    """With the resources, in the transaction that deletes them."""
    AccessEntry.objects.filter(
        resource_type=resource_type, resource_id__in=list(resource_ids)
    ).delete()


def change_access(
    *, actor: User, resource: Resource, granted: list[Grant], revoked: list[Principal]
) -> list[AccessEntry]:
    """Take from ``revoked``, then give to ``granted``; the entries given. All of it or nothing.

    Needs SHARE on the resource, SHARE of the feature in the role (SHARE_PUBLIC for everybody) and,
    for whoever has no entry yet, the bit of PEOPLE_PICKER that shows them.
    Raises NotFound, SharingRefused, InvalidSharing.
    """
    with transaction.atomic():
        present = _lock_entries(resource)
        require_access(
            user=actor,
            resource_type=resource.type,
            resource_id=resource.id,
            bits=AccessBits.SHARE,
        )
        _require_role_allows(actor, resource, granted, present)
        _require_owner_stays(resource, granted, revoked)
        for principal in revoked:
            revoke(resource_type=resource.type, resource_id=resource.id, principal=principal)
        entries = [_give(actor, resource, each) for each in granted]
    _log_change(actor, resource, granted, revoked)
    return entries


def _log_change(
    actor: User, resource: Resource, granted: list[Grant], revoked: list[Principal]
) -> None:
    log.info(
        "access_changed",
        actor=actor.pk,
        type=str(resource.type),
        resource=resource.id,
        granted=[f"{each.principal.type}:{each.principal.id} {each.role.id}" for each in granted],
        revoked=[f"{each.type}:{each.id}" for each in revoked],
    )


def _give(actor: User, resource: Resource, grant_: Grant) -> AccessEntry:
    return grant(
        resource_type=resource.type,
        resource_id=resource.id,
        principal=grant_.principal,
        bits=grant_.role.bits,
        granted_by=actor,
    )


def _lock_entries(resource: Resource) -> set[Principal]:
    """Two people who change the same shares do so one after the other. One query."""
    entries = AccessEntry.objects.of_resource(resource.type, resource.id).order_by("pk")
    locked = entries.select_related("group").select_for_update(of=("self",))
    return {entry.principal for entry in locked}


def _require_role_allows(
    actor: User, resource: Resource, granted: list[Grant], present: set[Principal]
) -> None:
    matrix = matrix_of(actor)
    feature = resource.shareable.permission_type
    if not matrix[feature][Bit.SHARE]:
        raise SharingRefused(f"You do not have permission to share {resource.type} resources")
    principals = {each.principal for each in granted}
    if PUBLIC in principals and not matrix[feature][Bit.SHARE_PUBLIC]:
        raise SharingRefused(
            f"You do not have permission to share {resource.type} resources publicly"
        )
    for principal in principals - present - {PUBLIC}:
        _require_may_pick(matrix, principal)


def _require_may_pick(matrix: Matrix, principal: Principal) -> None:
    if not matrix[PermissionType.PEOPLE_PICKER][PICKER_BITS[principal.type]]:
        raise SharingRefused(f"Insufficient permissions to share with {principal.type}s")


def _require_owner_stays(
    resource: Resource, granted: list[Grant], revoked: list[Principal]
) -> None:
    owner = Principal(PrincipalType.USER, resource.owner_id)
    touched = {each.principal for each in granted if each.role.bits != OWNER_BITS} | {*revoked}
    if owner in touched:
        raise InvalidSharing("What the owner may do cannot be changed.")
    others = {each.principal for each in granted if each.role.bits == OWNER_BITS} - {owner}
    if others and resource.shareable.has_single_owner:
        raise InvalidSharing("Nobody else can be made an owner.")


def _columns(principal: Principal) -> dict[str, Any]:
    """Raises InvalidSharing for a principal there is not."""
    match principal.type:
        case PrincipalType.PUBLIC:
            return {}
        case PrincipalType.USER:
            found = User.objects.filter(pk=principal.id, is_active=True).values_list("pk")
            return {"user_id": _only(found.first(), principal)}
        case PrincipalType.GROUP:
            rows = Group.objects.filter(object_id=principal.id, is_active=True)
            return {"group_id": _only(rows.values_list("pk").first(), principal)}
    if principal.id in (ROLE_USER, ROLE_ADMIN):  # these exist without a row, too
        Role.objects.get_or_create(name=principal.id)
    roles = Role.objects.filter(name=principal.id).values_list("name")
    return {"role_id": _only(roles.first(), principal)}


def _only(row: tuple[Any] | None, principal: Principal) -> Any:
    if row is None:
        raise InvalidSharing(f"There is no {principal.type} “{principal.id}”.")
    return row[0]


def _missing(resource_type: ResourceType) -> NotFound:
    return NotFound("Not Found", key="error", message=f"{resource_type} not found")
