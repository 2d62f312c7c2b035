"""What-if: changes tried out on a person or a group, shown as a difference, and undone."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from accounts.group_permissions import can_manage_group, can_see_person
from accounts.models import Group, User
from accounts.services import groups as group_services
from librechat_backend.lib.admin import NumberInput, Select
from librechat_backend.lib.errors import AppError
from presets import policies, services
from presets.admin.fields import GroupField, PersonField
from presets.admin.history import FieldDiff, field_text, label_of, text_of
from presets.admin.policies import RULES
from presets.admin.preview import MenuEntry, menu_of, require_manager
from presets.admin.scope import has_everything, managed_ids, person_of, visible_people
from presets.models import Policy, Preset
from presets.permissions import assignable_presets, presets_with_readable_instructions
from presets.whatif import Difference, FieldChange, Outcome, people_of, what_if

CHANGES_ON_A_PAGE = 3
_PRIVATE = "system_message"


class Kind(StrEnum):
    JOIN = "join"
    LEAVE = "leave"
    GIVE = "give"
    DENY = "deny"
    UNASSIGN = "unassign"
    PRIORITY = "priority"
    SWITCH_ON = "switch_on"
    SWITCH_OFF = "switch_off"
    RULE = "rule"


KINDS = {
    Kind.JOIN: "put a person into a group",
    Kind.LEAVE: "take a person out of a group",
    Kind.GIVE: "give a preset",
    Kind.DENY: "take a preset away",
    Kind.UNASSIGN: "remove an assignment",
    Kind.PRIORITY: "change a priority",
    Kind.SWITCH_ON: "switch a preset on",
    Kind.SWITCH_OFF: "switch a preset off",
    Kind.RULE: "change a rule",
}
_NEEDS = {
    Kind.JOIN: ("person", "group"),
    Kind.LEAVE: ("person", "group"),
    Kind.GIVE: ("preset",),
    Kind.DENY: ("preset",),
    Kind.UNASSIGN: ("preset",),
    Kind.PRIORITY: ("preset", "priority"),
    Kind.SWITCH_ON: ("preset",),
    Kind.SWITCH_OFF: ("preset",),
    Kind.RULE: ("rule",),
}
# What the page shows for a change.
_WHOM = ("preset", "group", "person")
_USES = {
    **_NEEDS,
    Kind.GIVE: (*_WHOM, "priority"),
    Kind.DENY: _WHOM,
    Kind.UNASSIGN: _WHOM,
    Kind.PRIORITY: (*_WHOM, "priority"),
    Kind.RULE: ("rule", "rule_value", "group"),
}


class SubjectForm(forms.Form):
    """Whose view is compared."""

    person = PersonField(required=False)
    group = GroupField(label="or everybody in the group")

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request
        _limit_groups(self.fields["group"], request, empty="no group")

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors and bool(values.get("person")) == bool(values.get("group")):
            self.add_error("person", "Name a person or choose a group.")
        return values

    def people(self) -> list[User]:
        """Raises PermissionDenied for people who are none of one's own."""
        actor = person_of(self.request)
        person, group = self.cleaned_data["person"], self.cleaned_data["group"]
        if person is not None:
            if not can_see_person(actor, person):
                raise PermissionDenied
            return [person]
        if not can_manage_group(actor, group, "accounts.view_group"):
            raise PermissionDenied
        return people_of(group)


class ChangeForm(forms.Form):
    kind = forms.ChoiceField(
        label="Change", choices=[("", "nothing"), *KINDS.items()], required=False, widget=Select
    )
    preset = forms.ModelChoiceField(
        queryset=Preset.objects.none(), required=False, widget=Select, empty_label="no preset"
    )
    group = GroupField(label="Group")
    person = PersonField(required=False)
    priority = forms.IntegerField(required=False, widget=NumberInput)
    rule = forms.ChoiceField(required=False, widget=Select)
    rule_value = forms.ChoiceField(
        label="is", choices=[("true", "yes"), ("false", "no"), ("", "inherited")],
        required=False, widget=Select,
    )  # fmt: skip

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request
        preset, rule = self.fields["preset"], self.fields["rule"]
        assert isinstance(preset, forms.ModelChoiceField)  # noqa: S101 - declared above
        preset.queryset = assignable_presets(person_of(request)).order_by("name", "slug")
        _limit_groups(self.fields["group"], request, empty="everyone (or the person)")
        assert isinstance(rule, forms.ChoiceField)  # noqa: S101 - declared above
        rule.choices = [("", "no rule"), *((name, _rule_label(name)) for name in RULES)]

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        for name in _NEEDS.get(Kind(values["kind"]), ()) if values.get("kind") else ():
            if name not in self.errors and values.get(name) in (None, ""):
                self.add_error(name, "This change needs it.")
        return values

    def change(self) -> Callable[[], object] | None:
        """A call of a service, for the signed-in person; None: nothing."""
        typed = self.cleaned_data
        if not typed["kind"]:
            return None
        kind, actor = Kind(typed["kind"]), person_of(self.request)
        if kind in (Kind.JOIN, Kind.LEAVE):
            act = group_services.add_member if kind is Kind.JOIN else group_services.remove_member
            return partial(act, actor=actor, group=typed["group"], user=typed["person"])
        if kind is Kind.RULE:
            value = {"true": True, "false": False}.get(typed["rule_value"])
            rules: Any = {typed["rule"]: value}
            return partial(policies.save_policy, actor=actor, group=typed["group"], **rules)
        if kind in (Kind.SWITCH_ON, Kind.SWITCH_OFF):
            return partial(
                services.save_preset, actor=actor, preset=typed["preset"],
                fields={"is_active": kind is Kind.SWITCH_ON},
            )  # fmt: skip
        return self._assignment(kind, actor)

    def _assignment(self, kind: Kind, actor: User) -> Callable[[], object]:
        typed = self.cleaned_data
        group = None if typed["person"] else typed["group"]
        whom: Any = {
            "group": group,
            "user": typed["person"],
            "everyone": not group and not typed["person"],
        }
        if kind is Kind.UNASSIGN:
            return partial(services.unassign_preset, actor=actor, preset=typed["preset"], **whom)
        options: Any = {}
        if kind is not Kind.PRIORITY:
            options = {"effect": "deny" if kind is Kind.DENY else "allow", "is_active": True}
        if typed["priority"] is not None:
            options["priority"] = typed["priority"]
        return partial(
            services.assign_preset, actor=actor, preset=typed["preset"], **whom, **options
        )


class ChangeRefused(Exception):
    def __init__(self, form: ChangeForm, message: str) -> None:
        super().__init__(message)
        self.form, self.message = form, message


@dataclass(frozen=True, slots=True)
class ReadableOutcome:
    """One person's before and after."""

    person: User
    difference: Difference
    before: list[MenuEntry]
    after: list[MenuEntry]
    fields: list[tuple[str, FieldDiff]]
    rules: list[FieldDiff]


def show(admin: Any, request: HttpRequest) -> HttpResponse:
    require_manager(request)
    data = request.POST if request.method == "POST" else None
    subject = SubjectForm(data, request=request, initial=_initial(request))
    forms_ = [
        ChangeForm(data, request=request, prefix=f"change{number}")
        for number in range(CHANGES_ON_A_PAGE)
    ]
    outcomes = _outcomes(request, subject, forms_) if data is not None else None
    context = {
        **admin.admin_site.each_context(request),
        "title": "What if …",
        "opts": Preset._meta,
        "subject": subject,
        "changes": forms_,
        "needs": {kind.value: names for kind, names in _USES.items()},
        "people": visible_people(request),
        "is_tried": outcomes is not None,
        "outcomes": outcomes and [each for each in outcomes if not each.difference.is_empty],
        "count": len(outcomes or ()),
    }
    return TemplateResponse(request, "presets/admin/whatif.html", context)


def _initial(request: HttpRequest) -> dict[str, str]:
    return {name: request.GET[name] for name in ("person", "group") if name in request.GET}


def _outcomes(
    request: HttpRequest, subject: SubjectForm, changes: list[ChangeForm]
) -> list[ReadableOutcome] | None:
    """None where something was typed wrongly or refused; the forms say what."""
    if not all([subject.is_valid(), *(form.is_valid() for form in changes)]):
        return None
    calls = [(form, call) for form in changes if (call := form.change()) is not None]
    if not calls:
        changes[0].add_error("kind", "Choose at least one change.")
        return None
    try:
        outcomes = what_if(subject.people(), [partial(_tried, *each) for each in calls])
    except ChangeRefused as refused:
        refused.form.add_error(None, refused.message)
        return None
    ids = presets_with_readable_instructions(person_of(request))
    readable = set(Preset.objects.filter(pk__in=ids).values_list("slug", flat=True))
    # Of two with the same short name, one may be somebody else's.
    readable -= set(Preset.objects.exclude(pk__in=ids).values_list("slug", flat=True))
    return [_readable(outcome, readable) for outcome in outcomes]


def _tried(form: ChangeForm, call: Callable[[], object]) -> None:
    try:
        call()
    except AppError as error:
        raise ChangeRefused(form, str(error)) from error


def _readable(outcome: Outcome, readable: set[str]) -> ReadableOutcome:
    difference = outcome.difference
    return ReadableOutcome(
        person=outcome.user,
        difference=difference,
        before=menu_of(outcome.before),
        after=menu_of(outcome.after),
        fields=[(change.name, _field(change, readable)) for change in difference.changed],
        rules=[
            FieldDiff(_rule_label(rule.rule), text_of(rule.before), text_of(rule.after))
            for rule in difference.policy
        ],
    )


def _field(change: FieldChange, readable: set[str]) -> FieldDiff:
    name = change.field
    if name == _PRIVATE and change.slug not in readable:
        return FieldDiff(label_of(name), "(private)", "(private)")
    return FieldDiff(
        label_of(name), field_text(name, change.before), field_text(name, change.after)
    )


def _rule_label(name: str) -> str:
    label = str(Policy._meta.get_field(name).verbose_name)  # type: ignore[union-attr]
    return label[:1].upper() + label[1:]


def _limit_groups(field: forms.Field, request: HttpRequest, *, empty: str) -> None:
    assert isinstance(field, GroupField)  # noqa: S101 - called for groups only
    if not has_everything(request, Group._meta, "view"):
        field.queryset = Group.objects.filter(pk__in=managed_ids(request))
    field.show_tree(empty=empty)
