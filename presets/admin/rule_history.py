"""What a group, an assignment or rules were: the same page as that of a preset's history."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import Substr
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from accounts.changes import Kind
from accounts.models import Group, RuleChange, User
from accounts.services.groups import MEMBER
from librechat_backend.lib.admin import ModelAdmin
from librechat_backend.lib.errors import AppError
from librechat_backend.lib.ids import OBJECT_ID_LENGTH
from librechat_backend.lib.json import JSONDict, JSONValue
from presets.admin.history import FieldDiff, text_of
from presets.admin.scope import has_everything, managed_ids, person_of
from presets.history import changes_of, revert_rule
from presets.models import Assignment, Policy
from presets.services import A_PERSON

CHANGES_SHOWN = 200
_LABELS = {
    "parent": "Belongs to",
    "is_active": "Active",
    "is_final": "Final",
    "is_default": "Default",
    "starts_at": "From",
    "ends_at": "Until",
    "rollout_percent": "Share of people (%)",
    "slug": "Short name",
    "allows_override": "People may change parameters that are not locked",
    "allows_personal_presets": "Personal presets",
    "allows_group_presets": "Presets of groups",
    "scope_precedence": "Whose preset comes first",
    "enforce": "Only presets",
    "default_is_soft": "The default yields to what a person chose last",
    "added_endpoints": "Endpoints besides presets",
    "prioritize": "New chats start with a preset",
}
_MODELS = {Kind.GROUP: Group, Kind.ASSIGNMENT: Assignment, Kind.POLICY: Policy}


@dataclass(frozen=True, slots=True)
class ChangeLine:
    """``what``: in a word, where it did not only change."""

    version: int
    what: str
    who: str
    at: datetime
    reason: str
    changes: tuple[FieldDiff, ...]
    can_revert: bool


def lines_of(changes: list[RuleChange]) -> list[ChangeLine]:
    """``changes`` come newest first."""
    names = _names(changes)
    return [
        ChangeLine(
            version=change.version,
            what=_word(change),
            who=str(change.user or "the server"),
            at=change.created_at,
            reason=change.reason,
            changes=diff(change.before or {}, change.after or {}, names),
            can_revert=change is not changes[0] and change.after is not None,
        )
        for change in changes[:CHANGES_SHOWN]
    ]


# Of an assignment to a person, "<preset>:user:<person>", the person's address.
_RECEIVER = {
    "receiver": Subquery(
        User.objects.filter(
            pk=Substr(OuterRef("subject"), OBJECT_ID_LENGTH + len(":user:") + 1)
        ).values("email")[:1]
    )
}


def _name(change: Any) -> str:
    """``change`` with its ``receiver``."""
    return str(change.name.replace(A_PERSON, change.receiver) if change.receiver else change.name)


def _word(change: RuleChange) -> str:
    return "deleted" if change.after is None else "made" if change.before is None else ""


def _names(changes: list[RuleChange]) -> dict[str, str]:
    """What ids in the changes stand for."""
    states = [state for change in changes for state in (change.before, change.after) if state]
    people = {name[len(MEMBER) :] for state in states for name in state if name.startswith(MEMBER)}
    groups = {state["parent"] for state in states if state.get("parent")}
    return {
        **{person.pk: str(person) for person in User.objects.filter(pk__in=people)},
        **{group.object_id: str(group) for group in Group.objects.filter(object_id__in=groups)},
    }


def diff(before: JSONDict, after: JSONDict, names: dict[str, str]) -> tuple[FieldDiff, ...]:
    return tuple(
        FieldDiff(
            _label(name, names),
            _text(name, before.get(name), names),
            _text(name, after.get(name), names),
        )
        for name in dict.fromkeys((*before, *after))
        if _given(before.get(name)) != _given(after.get(name))
    )


def _given(value: JSONValue) -> JSONValue:
    """Of what was just made, only what it says."""
    return None if value == "" else value


def _label(name: str, names: dict[str, str]) -> str:
    if name.startswith(MEMBER):
        return f"Member {names.get(name[len(MEMBER) :], 'who has left')}"
    return _LABELS.get(name, name.replace("_", " ").capitalize())


def _text(name: str, value: JSONValue, names: dict[str, str]) -> str:
    if name == "effect":
        return dict(Assignment.Effect.choices).get(str(value), "")
    if name == "parent" and value:
        return names.get(value, "a group that has been deleted")
    return text_of(value)


# -- Pages -----------------------------------------------------------------------------------


def address(kind: Kind, subject: str) -> str:
    return reverse("admin:accounts_rulechange_of", args=[kind, subject])


class RememberedAdmin:
    """Mixin: the history of a row is that of its subject."""

    remembers: Kind

    def subject(self, row: Any) -> str:
        raise NotImplementedError

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = self.get_object(request, object_id)  # type: ignore[attr-defined]
        if row is None:
            raise Http404
        self.require_view(request, row)  # type: ignore[attr-defined]
        return redirect(address(self.remembers, self.subject(row)))


def row_of(kind: Kind, subject: str) -> Any:
    """What a subject names, if it is there."""
    if kind is Kind.GROUP:
        return Group.objects.filter(object_id=subject).first()
    if kind is Kind.POLICY:
        group = {"group": None} if subject == "everyone" else {"group__object_id": subject}
        return Policy.objects.filter(**group).first()
    preset_id, _, principal = subject.partition(":")
    who, _, reference = principal.partition(":")
    receiver = {
        "group": {"group__object_id": reference},
        "user": {"user": reference},
    }.get(who, {"group": None, "user": None})
    return Assignment.objects.filter(preset=preset_id, **receiver).first()


@admin.register(RuleChange)
class RuleChangeAdmin(ModelAdmin[RuleChange]):
    """Everything that was changed, also of what is gone."""

    list_display = ("created_at", "user", "what", "reason", "history")
    list_display_links = None
    list_filter = ("kind",)
    list_select_related = ("user",)
    search_fields = ("name", "user__email", "reason")
    show_full_result_count = False

    @admin.display(description="what")
    def what(self, change: RuleChange) -> str:
        words = [change.get_kind_display(), _name(change), _word(change)]
        return ": ".join(words[:2]) + (f" ({words[2]})" if words[2] else "")

    @admin.display(description="history")
    def history(self, change: RuleChange) -> SafeString:
        url = address(Kind(change.kind), change.subject)
        return format_html('<a class="text-primary-600" href="{}">all its changes</a>', url)

    def get_queryset(self, request: HttpRequest) -> QuerySet[RuleChange]:
        rows: QuerySet[RuleChange] = super().get_queryset(request)
        return rows.annotate(**_RECEIVER)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return has_everything(request, Group._meta, "change")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("of/<str:kind>/<str:subject>/", wrap(self.show), name="accounts_rulechange_of"),
            path(
                "of/<str:kind>/<str:subject>/revert/<int:version>/",
                wrap(self.revert),
                name="accounts_rulechange_revert",
            ),
            *super().get_urls(),
        ]

    def show(self, request: HttpRequest, kind: str, subject: str) -> HttpResponse:
        row = self._visible_row(request, kind, subject)
        changes = changes_of(kind, subject)
        if not changes and row is None:
            raise Http404
        context = {
            **self.admin_site.each_context(request),
            "title": f"History of “{row or _name(_newest(kind, subject))}”",
            "opts": RuleChange._meta,
            "kind": kind,
            "subject": subject,
            "back": _page_of(row),
            "lines": lines_of(changes),
        }
        return TemplateResponse(request, "presets/admin/rule_history.html", context)

    @method_decorator(require_POST)
    def revert(self, request: HttpRequest, kind: str, subject: str, version: int) -> HttpResponse:
        self._visible_row(request, kind, subject)
        reason = request.POST.get("reason", "").strip()
        try:
            revert_rule(
                actor=person_of(request),
                kind=kind,
                subject=subject,
                version=version,
                reason=reason,
            )
            messages.success(request, f"It is as it was after change {version}.")
        except AppError as error:
            messages.error(request, str(error))
        return redirect(address(Kind(kind), subject))

    def _visible_row(self, request: HttpRequest, kind: str, subject: str) -> Any:
        """Raises Http404, and PermissionDenied for what a manager does not manage."""
        if kind not in Kind.values:
            raise Http404
        row, model = row_of(Kind(kind), subject), _MODELS[Kind(kind)]
        if not has_everything(request, model._meta, "view"):
            managed = self.admin_site._registry[model]
            if row is None or not managed_ids(request):
                raise PermissionDenied
            managed.require_view(request, row)  # type: ignore[attr-defined]
        return row


def _newest(kind: str, subject: str) -> RuleChange:
    rows = RuleChange.objects.annotate(**_RECEIVER).filter(kind=kind, subject=subject)
    return rows.latest("version")


def _page_of(row: Any) -> str:
    if row is None:
        return ""
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
