"""Filters of the list of requests, which the numbers of the dashboard lead to."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from accounts.models import Group
from usage.analytics.reading import COUNTED, asked_within, of_model
from usage.analytics.scope import groups_within

_COUNTED_LABELS = {
    "answered": "answered",
    "errors": "failed or broke off",
    "cache_hits": "answered by a cache",
    "unpriced": "without a price",
    "zero_priced": "at no cost",
}


class CountedFilter(admin.SimpleListFilter):
    title = "counted as"
    parameter_name = "counted"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(_COUNTED_LABELS.items())

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        value = self.value()
        return queryset.filter(COUNTED[value]) if value in COUNTED else queryset


class GroupFilter(admin.SimpleListFilter):
    """Of those one may see; the list itself holds nothing else for managers."""

    title = "group"
    parameter_name = "group"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        groups, within = Group.objects.order_by("name"), groups_within(request.user)  # type: ignore[arg-type]
        if within is not None:
            groups = groups.filter(pk__in=within)
        return [(str(pk), name) for pk, name in groups.values_list("pk", "name")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        value = self.value() or ""
        is_number = value.isascii() and value.isdigit() and len(value) < 19
        return queryset.filter(asked_within([int(value)])) if is_number else queryset


class ModelFilter(admin.SimpleListFilter):
    """Only shown while it is used: the names of all models would take a look at all requests."""

    title = "model"
    parameter_name = "model"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        value = request.GET.get(self.parameter_name, "")
        return [(value, value)] if value else []

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        value = self.value()
        return queryset.filter(of_model(value)) if value else queryset
