"""Groups: a tree, its members, and what comes down to a group from above."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from accounts.changes import Kind
from accounts.group_permissions import can_place_group
from accounts.models import Group, Membership
from accounts.services import groups as group_services
from librechat_backend.lib.admin import ChangeList, ModelForm, TextInput
from librechat_backend.lib.errors import AppError
from presets.admin.assignments import GroupAssignmentInline
from presets.admin.fields import GroupField, PersonField
from presets.admin.rule_history import RememberedAdmin
from presets.admin.saving import ReasonField, ServiceAdmin, ServiceForm, ServiceInline
from presets.admin.scope import has_everything, managed_ids, person_of
from presets.admin.tree import in_tree_order, indented
from presets.group_changes import delete_group_and_rules
from presets.models import Assignment

# The tree is shown whole: a page break would tear parents from their children.
GROUPS_ON_A_PAGE = 2000


class GroupForm(ServiceForm, ModelForm[Group]):
    parent = GroupField(
        label="Belongs to", help_text="What that group is given, this one gets, too."
    )
    slug = forms.SlugField(
        label="Short name",
        required=False,
        widget=TextInput,
        help_text="For programs. Empty: made of the name.",
    )

    reason = ReasonField()

    class Meta:
        model = Group
        fields = ("name", "parent", "description", "slug", "is_active")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        may_place = self.is_new or can_place_group(self.actor, self.instance.parent)
        parent = self.fields.get("parent")
        if isinstance(parent, GroupField):
            is_free = has_everything(self.request, Group._meta, "change")
            if not is_free and may_place:
                parent.queryset = Group.objects.filter(pk__in=managed_ids(self.request))
            parent.show_tree(empty="none: it stands on its own" if is_free else "choose a group")
            parent.disabled = not may_place
        if "is_active" in self.fields:
            self.fields["is_active"].disabled = not may_place

    def _get_validation_exclusions(self) -> set[str]:
        # The service makes a free one.
        excluded: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]
        return excluded | (set() if self.cleaned_data.get("slug") else {"slug"})

    def perform(self) -> Group:
        typed = self.cleaned_data
        fields: Any = {name: typed[name] for name in ("name", "description", "is_active")}
        if self.is_new:
            return group_services.create_group(
                actor=self.actor, parent=typed["parent"], slug=typed["slug"], **fields
            )
        if typed["slug"]:
            fields["slug"] = typed["slug"]
        group = group_services.update_group(actor=self.actor, group=self.instance, **fields)
        if "parent" in self.changed_data:
            return group_services.move_group(actor=self.actor, group=group, parent=typed["parent"])
        return group


class MembershipForm(ServiceForm, ModelForm[Membership]):
    user = PersonField()

    class Meta:
        model = Membership
        fields = ("user", "role")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.is_new:
            self.initial["user"] = self.instance.user
            self.fields["user"].disabled = True

    def perform(self) -> Membership:
        typed = self.cleaned_data
        change = group_services.add_member if self.is_new else group_services.set_role
        return change(
            actor=self.actor, group=typed["group"], user=typed["user"], role=typed["role"]
        )

    def remove(self) -> None:
        row = self.instance
        group_services.remove_member(actor=self.actor, group=row.group, user=row.user)


class MembershipInline(ServiceInline):
    model = Membership
    form = MembershipForm
    verbose_name = "member"
    verbose_name_plural = "Members"
    fields = ("user", "role", "source")
    readonly_fields = ("source",)
    ordering = ("-role", "user__email")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("user", "group")

    def within(self, request: HttpRequest) -> Q:
        return Q(group__in=managed_ids(request))


class TreeChangeList(ChangeList):
    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows = in_tree_order(self.result_list)
        for group, depth in rows:
            group.depth = depth  # type: ignore[attr-defined]
        self.result_list = [group for group, _ in rows]


@admin.register(Group)
class GroupAdmin(RememberedAdmin, ServiceAdmin):
    remembers = Kind.GROUP
    form = GroupForm
    inlines = (MembershipInline, GroupAssignmentInline)
    list_display = ("in_tree", "member_count", "preset_count", "is_active")
    sortable_by = ()
    list_per_page = GROUPS_ON_A_PAGE
    search_fields = ("name", "slug")
    list_before_template = "presets/admin/bar.html"
    change_form_outer_before_template = "presets/admin/group_buttons.html"
    change_form_outer_after_template = "presets/admin/group_inherited.html"
    fields = ("name", "parent", "description", "slug", "is_active", "reason")

    def subject(self, row: Group) -> str:
        return str(row.object_id)

    def within(self, ids: Collection[int]) -> Q:
        return Q(pk__in=ids)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        counted: QuerySet[Any] = rows.annotate(
            members_here=_count(Membership.objects.filter(group=OuterRef("pk"))),
            presets_here=_count(Assignment.objects.filter(group=OuterRef("pk"))),
        )
        return counted

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return TreeChangeList

    @admin.display(description="group")
    def in_tree(self, group: Group) -> str:
        return indented(group.name, getattr(group, "depth", 0))

    @admin.display(description="members")
    def member_count(self, group: Any) -> int:
        return int(group.members_here)

    @admin.display(description="presets of its own")
    def preset_count(self, group: Any) -> int:
        return int(group.presets_here)

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        """Who may not place a group may not remove it either."""
        is_placeable = obj is None or can_place_group(person_of(request), obj.parent)
        return is_placeable and super().has_delete_permission(request, obj)

    def get_actions(self, request: HttpRequest) -> Any:
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)  # one at a time: each needs a look at what is below
        return actions

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        group = kwargs.get("obj")
        context["inherited"] = inherited_assignments(group) if group else []
        return super().render_change_form(request, context, *args, **kwargs)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        try:
            return super().delete_view(request, object_id, extra_context)
        except AppError as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(reverse("admin:accounts_group_change", args=[object_id]))

    def delete_model(self, request: HttpRequest, obj: Group) -> None:
        delete_group_and_rules(actor=person_of(request), group=obj)


def _count(rows: QuerySet[Any]) -> Any:
    """As a subquery: joins would multiply the rows."""
    counts = rows.order_by().values("group").annotate(count=Count("pk")).values("count")
    return Coalesce(Subquery(counts), 0)


@dataclass(frozen=True, slots=True)
class InheritedAssignment:
    """``via`` is the group it comes from; empty: everyone has it."""

    assignment: Assignment
    via: str


def inherited_assignments(group: Group) -> list[InheritedAssignment]:
    """What comes down from above, the nearest group first and everyone last."""
    above: list[Group] = []
    parent = group.parent
    while parent is not None and parent.pk not in {group.pk, *(each.pk for each in above)}:
        above.append(parent)
        parent = parent.parent
    rows = Assignment.objects.filter(Q(group__in=above) | Q(group=None, user=None))
    places = {each.pk: place for place, each in enumerate(above)}
    ordered = sorted(
        rows.select_related("preset", "group"),
        key=lambda row: (places.get(row.group_id or 0, len(above)), -row.priority),
    )
    return [InheritedAssignment(row, row.group.name if row.group else "") for row in ordered]
