"""Who gets what: the assignments, as a list of their own and as rows on other pages."""

from collections.abc import Collection
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.timezone import localtime

from accounts.changes import Kind
from accounts.models import Group, User
from librechat_backend.lib.admin import ModelForm
from librechat_backend.lib.errors import AppError
from presets import services
from presets.admin.fields import GroupField, PersonField
from presets.admin.rule_history import RememberedAdmin
from presets.admin.saving import ReasonField, ServiceAdmin, ServiceForm, ServiceInline
from presets.admin.scope import has_everything, managed_ids, people_within, person_of
from presets.models import Assignment
from presets.permissions import assignable_presets

OPTIONS = (
    "effect", "priority", "is_default", "is_final", "is_active", "starts_at", "ends_at",
    "rollout_percent",
)  # fmt: skip
# What fits into a row; the rest is on the assignment's own page.
ROW_OPTIONS = ("effect", "priority", "is_default", "is_final", "is_active")
EVERYONE = "everyone (unless a person is named)"


class AssignmentForm(ServiceForm, ModelForm[Assignment]):
    """No group and no person: everyone. Who it is for cannot be changed later."""

    group = GroupField()
    user = PersonField(required=False)
    reason = ReasonField()

    class Meta:
        model = Assignment
        fields = ("preset", "group", "user", *OPTIONS)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["user"] = self.instance.user
        for name in ("preset", "group", "user"):
            if name in self.fields:
                self.fields[name].disabled = not self.is_new
        group = self.fields.get("group")
        if isinstance(group, GroupField):
            if not has_everything(self.request, Assignment._meta, "add"):
                group.queryset = self._groups()
            group.show_tree(empty=EVERYONE if self._may_give_all() else "no group")
        preset = self.fields.get("preset")
        if isinstance(preset, forms.ModelChoiceField) and self.is_new:
            preset.queryset = assignable_presets(self.actor).order_by("name", "slug")

    def _may_give_all(self) -> bool:
        return not self.is_new or has_everything(self.request, Assignment._meta, "add")

    def _groups(self) -> QuerySet[Group]:
        ids = managed_ids(self.request)
        return Group.objects.filter(pk__in={*ids, self.instance.group_id or 0})

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        if values.get("group") and values.get("user"):
            self.add_error("user", "Choose a group or a person, not both.")
        return values

    def perform(self) -> Assignment:
        typed = self.cleaned_data
        options: Any = {name: typed[name] for name in OPTIONS if name in typed}
        return services.assign_preset(
            actor=self.actor,
            preset=typed.get("preset") or self.instance.preset,
            **self._principal(),
            **options,
        )

    def remove(self) -> None:
        row = self.instance
        services.unassign_preset(actor=self.actor, preset=row.preset, **principal_of(row))

    def _principal(self) -> Any:
        if not self.is_new:
            return principal_of(self.instance)
        group, user = self.cleaned_data.get("group"), self.cleaned_data.get("user")
        return {"group": group, "user": user, "everyone": not group and not user}


def principal_of(row: Assignment) -> Any:
    """As the services name it."""
    return {"group": row.group, "user": row.user, "everyone": not row.group and not row.user}


class PriorityForm(AssignmentForm):
    """One line of the list."""

    group = user = reason = None  # type: ignore[assignment]

    class Meta:
        model = Assignment
        fields = ("priority", "is_active")


class AssignmentInline(ServiceInline):
    model = Assignment
    form = AssignmentForm
    verbose_name = "recipient"
    verbose_name_plural = "Who gets it"
    fields: ClassVar[Any] = ("group", "user", *ROW_OPTIONS)
    show_change_link = True
    ordering = ("-priority", "created_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("preset", "group", "user")

    def within(self, request: HttpRequest) -> Q:
        return rows_within(managed_ids(request))


class GroupAssignmentInline(AssignmentInline):
    verbose_name = "preset"
    verbose_name_plural = "Presets of this group"
    fields = ("preset", *ROW_OPTIONS)


def rows_within(ids: Collection[int]) -> Q:
    return Q(group__in=ids) | Q(pk__in=_of_people(ids))


def _of_people(ids: Collection[int]) -> QuerySet[Any, Any]:
    people = User.objects.filter(people_within(ids))
    return Assignment.objects.filter(user__in=people).values("pk")


class RecipientFilter(admin.SimpleListFilter):
    title = "recipient"
    parameter_name = "recipient"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("everyone", "everyone"), ("group", "groups"), ("person", "people")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        conditions = {
            "everyone": Q(group=None, user=None),
            "group": Q(group__isnull=False),
            "person": Q(user__isnull=False),
        }
        return queryset.filter(conditions.get(self.value() or "", Q()))


class GroupFilter(admin.SimpleListFilter):
    """Only groups the signed-in person may see."""

    title = "group"
    parameter_name = "group__id__exact"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        groups = Group.objects.filter(assignments__isnull=False).distinct()
        if not has_everything(request, Group._meta, "view"):
            groups = groups.filter(pk__in=managed_ids(request))
        return [(str(group.pk), group.name) for group in groups]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        is_number = (self.value() or "").isdecimal()
        return queryset.filter(group=self.value()) if is_number else queryset


@admin.register(Assignment)
class AssignmentAdmin(RememberedAdmin, ServiceAdmin):
    remembers = Kind.ASSIGNMENT
    form = AssignmentForm
    list_display = (
        "preset", "recipient", "effect", "priority", "is_active", "is_default", "is_final",
        "window",
    )  # fmt: skip
    list_editable = ("priority", "is_active")
    list_filter = ("effect", "is_active", RecipientFilter, GroupFilter)
    list_select_related = ("preset", "group", "user")
    search_fields = ("preset__name", "preset__slug", "group__name", "user__email", "user__name")
    actions = ("activate", "deactivate")
    list_before_template = "presets/admin/bar.html"
    change_form_outer_after_template = "presets/admin/people.html"
    fieldsets = (
        (None, {"fields": ("preset", "group", "user", "effect")}),
        ("In the menu", {"fields": ("priority", "is_default")}),
        ("How far it goes", {"fields": ("is_final", "rollout_percent")}),
        ("When", {"fields": ("is_active", "starts_at", "ends_at", "reason")}),
    )
    change_form_outer_before_template = "presets/admin/rule_buttons.html"

    def subject(self, row: Assignment) -> str:
        return services.assignment_subject(row)

    def within(self, ids: Collection[int]) -> Q:
        return rows_within(ids)

    def get_changelist_form(self, request: HttpRequest, **kwargs: Any) -> Any:
        return super().get_changelist_form(request, form=PriorityForm, **kwargs)

    @admin.display(description="for", ordering="group__name")
    def recipient(self, row: Assignment) -> str:
        return str(row.user or row.group or "everyone")

    @admin.display(description="when")
    def window(self, row: Assignment) -> str:
        sides = (("from", row.starts_at), ("until", row.ends_at))
        times = [f"{word} {localtime(at):%Y-%m-%d %H:%M}" for word, at in sides if at]
        share = [f"{row.rollout_percent} %"] if row.rollout_percent < 100 else []
        return ", ".join([*times, *share]) or "always"

    def delete_model(self, request: HttpRequest, obj: Assignment) -> None:
        services.unassign_preset(actor=person_of(request), preset=obj.preset, **principal_of(obj))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for row in queryset.select_related("preset", "group", "user"):
            self.delete_model(request, row)

    @admin.action(description="Activate", permissions=["change"])
    def activate(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self._switch(request, queryset, is_active=True)

    @admin.action(description="Deactivate", permissions=["change"])
    def deactivate(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self._switch(request, queryset, is_active=False)

    def _switch(self, request: HttpRequest, queryset: QuerySet[Any], *, is_active: bool) -> None:
        done = 0
        for row in self.changeable(request, queryset.select_related("preset", "group", "user")):
            done += switch(request, row, is_active=is_active)
        messages.success(request, f"{'Activated' if is_active else 'Deactivated'}: {done}.")


def switch(request: HttpRequest, row: Assignment, *, is_active: bool) -> bool:
    """Whether it could be switched; if not, a message says why."""
    try:
        services.assign_preset(
            actor=person_of(request), preset=row.preset, is_active=is_active, **principal_of(row)
        )
    except AppError as error:
        messages.error(request, f"{row}: {error}")
        return False
    return True
