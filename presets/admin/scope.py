"""Whose business a row is: administrators see everything, managers of groups their subtree."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, cast

from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from accounts.group_permissions import managed_groups, may
from accounts.models import User
from librechat_backend.lib.admin import ModelAdmin

_CACHE = "_managed_group_ids"
PEOPLE_OFFERED = 500


def person_of(request: HttpRequest) -> User:
    return cast(User, request.user)


def managed_ids(request: HttpRequest) -> set[int]:
    """The groups the signed-in person manages, and all below them; one query for each request."""
    if not hasattr(request, _CACHE):
        is_person = isinstance(request.user, User)
        setattr(request, _CACHE, managed_groups(person_of(request)) if is_person else set())
    ids: set[int] = getattr(request, _CACHE)
    return ids


def has_everything(request: HttpRequest, model: Any, verb: str) -> bool:
    """Whether a person may do this to all rows of the model; who may change may look."""
    if not isinstance(request.user, User):
        return False
    verbs = ("view", "change") if verb == "view" else (verb,)
    return any(may(request.user, f"{model.app_label}.{v}_{model.model_name}") for v in verbs)


def people_within(ids: Collection[int]) -> Q:
    """Condition on users: members of these groups."""
    return Q(memberships__group__in=ids)


def visible_people(request: HttpRequest) -> list[User]:
    """For the list a field offers; a longer one helps nobody."""
    people = User.objects.filter(is_active=True).order_by("email")
    if not has_everything(request, User._meta, "view"):
        people = people.filter(memberships__group__in=managed_ids(request)).distinct()
    return list(people.only("id", "email", "name")[:PEOPLE_OFFERED])


class ScopedAdmin(ModelAdmin[Any]):
    """Django's permissions open a model as a whole; managing a group opens the rows within it.

    Every change is checked again when it is saved, so that lists with editable columns and actions
    are no way around.
    """

    manager_verbs: frozenset[str] = frozenset({"view", "add", "change", "delete"})

    def within(self, ids: Collection[int]) -> Q:
        """The rows a manager of these groups may see."""
        raise NotImplementedError

    def changeable_within(self, ids: Collection[int]) -> Q:
        """The rows a manager of these groups may change."""
        return self.within(ids)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        if has_everything(request, self.opts, "view"):
            return rows
        return rows.filter(pk__in=self._rows(self.within(managed_ids(request))))

    def _rows(self, condition: Q) -> QuerySet[Any]:
        rows: QuerySet[Any] = self.model._default_manager.filter(condition)
        return rows.values("pk")

    def _may(self, request: HttpRequest, verb: str, obj: Any) -> bool:
        if has_everything(request, self.opts, verb):
            return True
        ids = managed_ids(request)
        if verb not in self.manager_verbs or not ids:
            return False
        if obj is None or obj.pk is None or obj._state.adding:
            return True
        condition = self.within(ids) if verb == "view" else self.changeable_within(ids)
        return self._rows(condition).filter(pk=obj.pk).exists()

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self._may(request, "view", None)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, "view", obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._may(request, "add", None)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, "change", obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, "delete", obj)

    def require_change(self, request: HttpRequest, obj: Any) -> None:
        """Raises PermissionDenied."""
        if not self.has_change_permission(request, obj):
            raise PermissionDenied

    def require_view(self, request: HttpRequest, obj: Any) -> None:
        """Raises PermissionDenied."""
        if not self.has_view_permission(request, obj):
            raise PermissionDenied

    def changeable(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        """The rows of an action that may be changed; the others are left alone."""
        return [row for row in queryset if self.has_change_permission(request, row)]
