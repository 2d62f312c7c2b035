"""Who may do what with a single resource (contract 04 §12). One table for all that can be shared.

The owner's right is an entry, too, so that these rows answer every question alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import or_
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.expressions import RawSQL

from accounts.access_roles import AccessBits, Principal, PrincipalType, ResourceType
from accounts.groups import EFFECTIVE_GROUP_IDS, MAX_DEPTH
from accounts.models.group import Group
from accounts.models.role import Role
from accounts.models.user import User


class AccessEntryQuerySet(models.QuerySet["AccessEntry"]):
    def of_resource(self, resource_type: ResourceType, resource_id: str) -> AccessEntryQuerySet:
        return self.filter(resource_type=resource_type, resource_id=resource_id)

    def with_principals(self) -> AccessEntryQuerySet:
        """In the order in which they were let in, with the rows that name them."""
        return self.select_related("user", "group", "role").order_by("pk")

    def of_principal(self, principal: Principal) -> AccessEntryQuerySet:
        match principal.type:
            case PrincipalType.USER:
                return self.filter(user_id=principal.id)
            case PrincipalType.GROUP:
                return self.filter(group__object_id=principal.id)
            case PrincipalType.ROLE:
                return self.filter(role_id=principal.id)
        return self.filter(principal_type=PrincipalType.PUBLIC)

    def reaching(self, user: User | None) -> AccessEntryQuerySet:
        """The entries ``user`` has a part in; None stands for somebody who is not signed in."""
        everybody = Q(principal_type=PrincipalType.PUBLIC)
        if user is None:
            return self.filter(everybody)
        groups = RawSQL(EFFECTIVE_GROUP_IDS, [user.pk, MAX_DEPTH])  # noqa: S611 — a constant
        return self.filter(everybody | Q(user=user) | Q(role_id=user.role) | Q(group_id__in=groups))

    def resource_ids(
        self,
        user: User | None,
        resource_type: ResourceType,
        bit: AccessBits = AccessBits.VIEW,
    ) -> models.QuerySet[AccessEntry, Any]:
        """The ids of all resources of a type on which ``user`` has ``bit``, a single one.

        For ``filter(pk__in=…)``: groups and all, it stays one query.
        """
        with_bit = F("bits").bitand(bit.value)
        entries = self.reaching(user).filter(resource_type=resource_type)
        return entries.alias(wanted=with_bit).filter(wanted=bit.value).values("resource_id")

    def bits_of(
        self, user: User | None, resource_type: ResourceType, resource_id: str
    ) -> AccessBits:
        """What ``user`` may do with one resource: all that any entry allows. One query."""
        entries = self.reaching(user).filter(resource_type=resource_type, resource_id=resource_id)
        return reduce(or_, map(AccessBits, entries.values_list("bits", flat=True)), AccessBits(0))

    def bits_by_resource(
        self,
        user: User | None,
        resource_type: ResourceType,
        resource_ids: Iterable[str] | None = None,
    ) -> dict[str, AccessBits]:
        """As ``bits_of`` for many, or all, resources of a type; without those that allow nothing.

        One query.
        """
        entries = self.reaching(user).filter(resource_type=resource_type)
        if resource_ids is not None:
            entries = entries.filter(resource_id__in=list(resource_ids))
        found: dict[str, AccessBits] = {}
        for resource_id, bits in entries.values_list("resource_id", "bits"):
            found[resource_id] = found.get(resource_id, AccessBits.NONE) | AccessBits(bits)
        return found


def _names(type_: PrincipalType) -> Q:
    """The column of ``type_`` is filled, and no other."""
    columns = (PrincipalType.USER, PrincipalType.GROUP, PrincipalType.ROLE)
    empty = {f"{column}__isnull": column is not type_ for column in columns}
    return Q(principal_type=type_.value, **empty)


class AccessEntry(models.Model):
    """What one principal may do with one resource. ``bits`` are AccessBits, at least one."""

    resource_type = models.CharField(max_length=32)
    resource_id = models.CharField(max_length=64)
    principal_type = models.CharField(
        max_length=10, choices=[(each.value, each.value) for each in PrincipalType]
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="access_entries",
    )
    group = models.ForeignKey(
        Group, on_delete=models.CASCADE, null=True, blank=True, related_name="access_entries"
    )
    role = models.ForeignKey(
        Role,
        to_field="name",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="access_entries",
    )
    bits = models.PositiveSmallIntegerField()
    granted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
    )
    granted_at = models.DateTimeField(auto_now=True)

    objects = AccessEntryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "access entries"
        constraints = [
            models.CheckConstraint(
                name="access_names_its_principal",
                condition=_names(PrincipalType.PUBLIC)
                | _names(PrincipalType.USER)
                | _names(PrincipalType.GROUP)
                | _names(PrincipalType.ROLE),
            ),
            models.CheckConstraint(name="access_allows_something", condition=Q(bits__gt=0)),
            models.UniqueConstraint(
                fields=["resource_type", "resource_id", "user"], name="access_once_per_user"
            ),
            models.UniqueConstraint(
                fields=["resource_type", "resource_id", "group"], name="access_once_per_group"
            ),
            models.UniqueConstraint(
                fields=["resource_type", "resource_id", "role"], name="access_once_per_role"
            ),
            models.UniqueConstraint(
                fields=["resource_type", "resource_id"],
                condition=Q(principal_type="public"),
                name="access_once_for_the_public",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.resource_type} {self.resource_id}: {self.principal.id or 'everybody'}"

    @property
    def principal(self) -> Principal:
        """Reads the group's row, if it is one."""
        group_id = self.group.object_id if self.group else ""
        return Principal(
            PrincipalType(self.principal_type), self.user_id or group_id or self.role_id or ""
        )
