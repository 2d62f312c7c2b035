"""Rules: what people may do besides choosing presets, for everyone and for groups."""

from collections.abc import Collection
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from accounts.changes import Kind
from accounts.models import Group
from librechat_backend.lib.admin import ModelForm, Select, Textarea
from presets import policies
from presets.admin.fields import GroupField
from presets.admin.rule_history import RememberedAdmin
from presets.admin.saving import ReasonField, ServiceAdmin, ServiceForm
from presets.admin.scope import person_of
from presets.forms import YesNoField
from presets.history import subject_of_group
from presets.models import Policy
from presets.resolution import Scope
from providers.forms import LinesField

RULES = (
    "allows_personal_presets", "allows_override", "allows_group_presets", "enforce", "prioritize",
    "default_is_soft",
)  # fmt: skip
ORDERS = {
    "user,group,system": "person, group, everyone (usual)",
    "user,system,group": "person, everyone, group",
    "group,user,system": "group, person, everyone",
    "group,system,user": "group, everyone, person",
    "system,user,group": "everyone, person, group",
    "system,group,user": "everyone, group, person",
}
UNSET = "inherited"
NONE = "none"


class PolicyForm(ServiceForm, ModelForm[Policy]):
    group = GroupField(help_text="Rules of a group hold for the groups below it, too.")
    allows_personal_presets = YesNoField(empty=UNSET, label="Personal presets")
    allows_override = YesNoField(
        empty=UNSET, label="People may change parameters that are not locked"
    )
    allows_group_presets = YesNoField(empty=UNSET, label="Presets of groups")
    enforce = YesNoField(
        empty=UNSET,
        label="Only presets",
        help_text="Other models cannot be used at all, by no way.",
    )
    prioritize = YesNoField(empty=UNSET, label="New chats start with a preset")
    default_is_soft = YesNoField(
        empty=UNSET,
        label="The default yields to what a person chose last",
        help_text="No: every new chat starts with it.",
    )
    added = LinesField(
        label="Endpoints besides presets",
        widget=Textarea(attrs={"rows": 2}),
        help_text="One a line: only their models may be used without a preset. "
        "The word “none”: no models at all. Empty: inherited, normally all of them.",
    )
    precedence = forms.ChoiceField(
        label="Whose preset comes first",
        choices=[("", UNSET), *ORDERS.items()],
        required=False,
        widget=Select,
        help_text="Where two speak of the same preset, the first in this order decides.",
    )

    reason = ReasonField()

    class Meta:
        model = Policy
        fields = ("group", *RULES)

    error_fields = {"scope_precedence": "precedence", "added_endpoints": "added"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        added = self.instance.added_endpoints
        self.initial["added"] = [NONE] if added == [] else added or []
        self.initial["precedence"] = ",".join(self.instance.scope_precedence or [])
        group = self.fields.get("group")
        if isinstance(group, GroupField):
            group.disabled = not self.is_new
            if self.is_new:
                group.queryset = Group.objects.filter(policy=None)
            group.show_tree(empty="everyone")

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        is_everyone = self.is_new and "group" in values and values["group"] is None
        if is_everyone and Policy.objects.filter(group=None).exists():
            self.add_error("group", "Everyone has rules already; change those, or choose a group.")
        return values

    def perform(self) -> Policy:
        typed = self.cleaned_data
        order = typed["precedence"].split(",") if typed.get("precedence") else None
        rules: Any = {name: typed[name] for name in RULES if name in typed}
        return policies.save_policy(
            actor=self.actor,
            group=typed.get("group"),
            scope_precedence=order,
            added_endpoints=self._added(),
            **rules,
        )

    def _added(self) -> list[str] | None:
        """An empty list opens nothing, an empty field inherits."""
        typed = self.cleaned_data.get("added") or None
        return [] if typed == [NONE] else typed


@admin.register(Policy)
class PolicyAdmin(RememberedAdmin, ServiceAdmin):
    remembers = Kind.POLICY
    form = PolicyForm
    # A manager who could change the rules of a group could lift what binds it from above.
    manager_verbs = frozenset({"view"})
    list_display = ("whom", *RULES, "order")
    list_select_related = ("group",)
    list_before_template = "presets/admin/bar.html"
    sortable_by = ()
    fieldsets = (
        (None, {"fields": ("group",)}),
        ("Rules", {"fields": (*RULES, "added", "precedence", "reason")}),
    )
    change_form_outer_before_template = "presets/admin/rule_buttons.html"

    def subject(self, row: Policy) -> str:
        return subject_of_group(row.group)

    def within(self, ids: Collection[int]) -> Q:
        return Q(group__in=ids)

    @admin.display(description="for")
    def whom(self, policy: Policy) -> str:
        return str(policy.group or "everyone")

    @admin.display(description="first comes")
    def order(self, policy: Policy) -> str:
        names = {Scope.USER: "person", Scope.GROUP: "group", Scope.SYSTEM: "everyone"}
        return ", ".join(names[Scope(scope)] for scope in policy.scope_precedence or []) or UNSET

    def get_fieldsets(self, request: HttpRequest, obj: Policy | None = None) -> Any:
        return self.fieldsets

    def delete_model(self, request: HttpRequest, obj: Policy) -> None:
        policies.delete_policy(actor=person_of(request), policy=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for policy in queryset.select_related("group"):
            self.delete_model(request, policy)
