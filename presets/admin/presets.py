"""The presets themselves: list, page, copies, and what is done to several at once."""

from collections.abc import Collection
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from accounts.groups import groups_above
from accounts.models import Group
from librechat_backend.lib.errors import AppError
from presets import services
from presets.admin import history, preview, try_it, whatif
from presets.admin.assignments import AssignmentInline
from presets.admin.fields import GroupField
from presets.admin.saving import ServiceAdmin, ServiceForm
from presets.admin.scope import has_everything, managed_ids, person_of
from presets.fields import LOOKS
from presets.forms import COLUMNS, LOCKS, LOW, VALUE, PresetForm
from presets.models import Preset
from presets.permissions import assignable_presets, presets_with_readable_instructions
from presets.resolution import PresetData, merge
from presets.resolver import offer_for
from presets.snapshot import preset_data
from presets.startup import offered_endpoints


class PresetServiceForm(ServiceForm, PresetForm):
    owner_group = GroupField(
        label="Managed by", help_text="The managers of this group may change the preset."
    )

    error_fields = {
        "tools": "tools_choice",
        **{name: VALUE + name for name in COLUMNS},
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.endpoints = self._endpoints()
        self._inherit(kwargs.get("instance"))
        super().__init__(*args, **kwargs)
        self._limit_choices()

    def _endpoints(self) -> Any:
        """A manager passes on only what they may use themselves."""
        if has_everything(self.request, Preset._meta, "change"):
            return offered_endpoints()
        return offer_for(self.actor).endpoints

    def _inherit(self, preset: Preset | None) -> None:
        """Whoever may extend a preset may not for that reason read its instructions."""
        fields, _, self.inherited_bounds = merge(chain_above(preset))
        readable = presets_with_readable_instructions(self.actor)
        is_readable = preset is not None and preset.extends_id in readable
        self.inherited = {
            name: value for name, value in fields.items() if is_readable or name != "system_message"
        }

    def _limit_choices(self) -> None:
        is_free = has_everything(self.request, Preset._meta, "change")
        extends, owner = self.fields.get("extends"), self.fields.get("owner_group")
        if isinstance(extends, forms.ModelChoiceField):
            stored = Q(pk=self.instance.extends_id)
            offered = assignable_presets(self.actor).values("pk")
            rows = Preset.objects.filter(Q(pk__in=offered) | stored)
            extends.queryset = rows.exclude(pk=self.instance.pk).order_by("name", "slug")
            extends.empty_label = "nothing"
        if isinstance(owner, GroupField):
            if not is_free:
                owner.queryset = Group.objects.filter(pk__in=managed_ids(self.request))
                owner.required = True
            owner.show_tree(empty="administrators only" if is_free else "choose a group")

    def field_of(self, name: str) -> str | None:
        kind, _, parameter = name.partition(".")
        prefix = {"parameters": VALUE, "bounds": LOW}.get(kind)
        return super().field_of(prefix + parameter if prefix and parameter else name)

    def has_changed(self) -> bool:
        return set(self.changed_data) != {"reason"} and super().has_changed()

    def perform(self) -> Preset:
        return services.save_preset(
            actor=self.actor,
            preset=None if self.is_new else self.instance,
            fields=self.preset_values(),
            reason=self.cleaned_data.get("reason", ""),
        )


def chain_above(preset: Preset | None) -> list[PresetData]:
    """What a preset extends, nearest first."""
    chain: list[PresetData] = []
    above = preset.extends if preset and preset.extends_id else None
    while above is not None and above.pk not in {each.id for each in chain}:
        chain.append(preset_data(above))
        above = above.extends
    return chain


def _fieldsets() -> Any:
    """Those of the page; the table of parameters is in its template."""
    return (
        (
            None,
            {
                "fields": (
                    "name", "endpoint", "model", "system_message", LOCKS["system_message"],
                    "is_active",
                )
            },
        ),
        (
            "In the menu",
            {
                "fields": (
                    "description", "menu_group", "icon_url", "menu_group_icon",
                    "conversation_starters", "greeting", LOCKS["greeting"], "model_label",
                    LOCKS["model_label"], *LOOKS,
                )
            },
        ),
        ("For programs", {"fields": ("cache_seconds",)}),
        (
            "Where it comes from",
            {"fields": ("extends", "owner_group", "slug")},
        ),
        (
            "Tools",
            {
                "classes": ("collapse",),
                "fields": ("tools_choice", "tools_allowed", LOCKS["tools"]),
            },
        ),
    )  # fmt: skip


@admin.register(Preset)
class PresetAdmin(ServiceAdmin):
    form = PresetServiceForm
    inlines = (AssignmentInline,)
    list_display = (
        "name_shown", "endpoint", "model", "menu_group", "assigned", "managed_by", "is_active",
    )  # fmt: skip
    list_filter = ("is_active", "endpoint", "menu_group", "assignments__effect")
    list_select_related = ("owner_group",)
    search_fields = ("name", "slug", "model", "description")
    actions = ("activate", "deactivate", "duplicate_selected")
    list_before_template = "presets/admin/bar.html"
    change_form_template = "presets/admin/preset_form.html"
    change_form_outer_after_template = "presets/admin/people.html"

    def within(self, ids: Collection[int]) -> Q:
        """What reaches a manager's groups may be looked at."""
        above = Q(assignments__group__in=_above(ids)) | Q(
            assignments__isnull=False, assignments__group=None, assignments__user=None
        )
        return Q(owner_group__in=ids) | (above & Q(is_active=True))

    def changeable_within(self, ids: Collection[int]) -> Q:
        return Q(owner_group__in=ids)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        counted: QuerySet[Any] = rows.annotate(given=Count("assignments", distinct=True))
        return counted

    def get_fieldsets(self, request: HttpRequest, obj: Preset | None = None) -> Any:
        if self.has_change_permission(request, obj):
            return _fieldsets()
        shown = [field for field in PresetForm.Meta.fields if field != "system_message"]
        return ((None, {"fields": shown}),)

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        # The other fields are made when the form is.
        return super().get_form(request, obj, change, **kwargs | {"fields": PresetForm.Meta.fields})

    @admin.display(description="preset", ordering="name")
    def name_shown(self, preset: Preset) -> str:
        return str(preset)

    @admin.display(description="who gets it", ordering="given")
    def assigned(self, preset: Any) -> SafeString | str:
        """A link to the list where priorities are changed."""
        if not preset.given:
            return "nobody"
        url = reverse("admin:presets_assignment_changelist")
        text = f"{preset.given} assignment{'' if preset.given == 1 else 's'}"
        return format_html(
            '<a class="text-primary-600" href="{}?preset__id__exact={}">{}</a>',
            url,
            preset.pk,
            text,
        )

    @admin.display(description="managed by", ordering="owner_group__name")
    def managed_by(self, preset: Preset) -> str:
        return str(preset.owner_group or "administrators")

    def delete_model(self, request: HttpRequest, obj: Preset) -> None:
        services.delete_preset(actor=person_of(request), preset=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for preset in self._each(request, queryset, verb="delete"):
            _attempt(request, preset, partial(self.delete_model, request, preset))

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        try:
            return super().delete_view(request, object_id, extra_context)
        except AppError as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(reverse("admin:presets_preset_change", args=[object_id]))

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return history.show(self, request, get_object_or_404(Preset, pk=object_id))

    # -- Several at once ---------------------------------------------------------------------

    def _each(self, request: HttpRequest, queryset: QuerySet[Any], verb: str = "change") -> Any:
        may = {"change": self.has_change_permission, "delete": self.has_delete_permission}[verb]
        return [preset for preset in queryset if may(request, preset)]

    @admin.action(description="Activate", permissions=["change"])
    def activate(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self._switch(request, queryset, is_active=True)

    @admin.action(description="Deactivate", permissions=["change"])
    def deactivate(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self._switch(request, queryset, is_active=False)

    def _switch(self, request: HttpRequest, queryset: QuerySet[Any], *, is_active: bool) -> None:
        word = "Activated" if is_active else "Deactivated"
        for preset in self._each(request, queryset):
            save = partial(
                services.save_preset,
                actor=person_of(request),
                preset=preset,
                fields={"is_active": is_active},
                reason=f"{word} in the list",
            )
            if _attempt(request, preset, save):
                messages.success(request, f"{word}: {preset}.")

    @admin.action(description="Duplicate", permissions=["add"])
    def duplicate_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for preset in self._each(request, queryset):
            self._duplicate(request, preset)

    def _duplicate(self, request: HttpRequest, preset: Preset) -> Preset | None:
        copy: Preset | None = _attempt(
            request,
            preset,
            lambda: services.duplicate_preset(actor=person_of(request), preset=preset),
        )
        if copy:
            messages.success(request, f"Copied to “{copy}”. Nobody is given the copy yet.")
        return copy

    # -- Pages of their own ------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        pages = (
            ("preview/", "preview", preview.show),
            ("what-if/", "whatif", whatif.show),
            ("<str:object_id>/duplicate/", "duplicate", self.duplicate),
            ("<str:object_id>/revert/<int:version>/", "revert", self.revert),
            ("<str:object_id>/try/", "try", self.try_page),
            ("<str:object_id>/try/answer/", "try_answer", self.try_answer),
        )
        return [
            path(route, self.admin_site.admin_view(self._page(view)), name=f"presets_preset_{name}")
            for route, name, view in pages
        ] + super().get_urls()

    def _page(self, view: Any) -> Any:
        """Views outside this class get the admin as their first argument."""
        if getattr(view, "__self__", None) is self:
            return view
        return lambda request, **kwargs: view(self, request, **kwargs)

    @method_decorator(require_POST)
    def duplicate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        preset = get_object_or_404(Preset, pk=object_id)
        self.require_change(request, preset)
        copy = self._duplicate(request, preset)
        return redirect("admin:presets_preset_change", copy.pk if copy else preset.pk)

    @method_decorator(require_POST)
    def revert(self, request: HttpRequest, object_id: str, version: int) -> HttpResponse:
        preset = get_object_or_404(Preset, pk=object_id)
        self.require_change(request, preset)
        reason = request.POST.get("reason", "").strip()
        reverted = _attempt(
            request,
            preset,
            lambda: services.revert_preset(
                actor=person_of(request), preset=preset, version=version, reason=reason
            ),
        )
        if reverted:
            messages.success(request, f"“{reverted}” is as it was in version {version}.")
        return redirect("admin:presets_preset_history", preset.pk)

    def try_page(self, request: HttpRequest, object_id: str) -> HttpResponse:
        preset = get_object_or_404(Preset, pk=object_id)
        self.require_change(request, preset)
        return try_it.show(self, request, preset)

    @method_decorator(require_POST)
    def try_answer(self, request: HttpRequest, object_id: str) -> Any:
        preset = get_object_or_404(Preset, pk=object_id)
        self.require_change(request, preset)
        return try_it.answer(request, preset)


def _above(ids: Collection[int]) -> set[int]:
    return groups_above(set(ids))


def _attempt(request: HttpRequest, preset: Preset, act: Any) -> Any:
    """What ``act`` returns, or None with a message that says why it was refused."""
    try:
        return act() or True
    except AppError as error:
        messages.error(request, f"{preset}: {error}")
        return None
