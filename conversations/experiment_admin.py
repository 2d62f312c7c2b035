"""The admin page of experiments: planned in a form, grown by a button, with what came of them.

Here and not among the presets, because what came of them stands in chats.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_POST

from accounts.models import User
from conversations.experiment_results import Figure, results_of
from librechat_backend.lib.admin import (
    ModelAdmin,
    ModelForm,
    NumberInput,
    Select,
    Textarea,
    TextInput,
)
from librechat_backend.lib.errors import InvalidFields
from presets import running
from presets.experiments import CONTROL
from presets.models import Experiment, Preset
from usage.statistics import Estimate

SLOTS = 3
_CREDITS_PER_DOLLAR = 1_000_000


class ExperimentForm(ModelForm[Experiment]):
    """Variants are typed into SLOTS rows of fields: ``variant_1_name`` and so on."""

    class Meta:
        model = Experiment
        fields = ("name", "notes", "preset")
        widgets: ClassVar[dict[str, Any]] = {"notes": Textarea(attrs={"rows": 2})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        stored = self.instance.variants
        for number in range(1, SLOTS + 1):
            known = stored[number - 1] if number <= len(stored) else {}
            for name, form_field in _slot(number).items():
                form_field.initial = known.get(name)
                self.fields[f"variant_{number}_{name}"] = form_field

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        variants = [self._variant(number) for number in range(1, SLOTS + 1)]
        values["variants"] = [each for each in variants if any(each.values())]
        return values

    def _variant(self, number: int) -> dict[str, Any]:
        def typed(name: str) -> Any:
            return self.cleaned_data.get(f"variant_{number}_{name}")

        preset = typed("preset")
        named = {"name": typed("name"), "endpoint": typed("endpoint"), "model": typed("model")}
        named["preset"] = preset.pk if preset else ""
        weight = {"weight": typed("weight") or 1} if any(named.values()) else {}
        return {**named, **weight}


def _slot(number: int) -> dict[str, forms.Field]:
    return {
        "name": forms.CharField(
            label=f"Variant {number}", max_length=100, required=False, widget=TextInput
        ),
        "preset": forms.ModelChoiceField(
            Preset.objects.order_by("name", "slug"),
            label="Another preset",
            required=False,
            widget=Select,
        ),
        "endpoint": forms.CharField(
            label="or another endpoint", max_length=100, required=False, widget=TextInput
        ),
        "model": forms.CharField(
            label="and model", max_length=200, required=False, widget=TextInput
        ),
        "weight": forms.IntegerField(
            label="Weight",
            min_value=1,
            max_value=1000,
            required=False,
            help_text="Empty: 1.",
            widget=NumberInput,
        ),
    }


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table of results, in words."""

    name: str
    cells: list[tuple[str, str, str]]


@admin.register(Experiment)
class ExperimentAdmin(ModelAdmin[Experiment]):
    form = ExperimentForm
    change_form_template = "conversations/experiment.html"
    list_display = ("name", "preset", "state", "share", "started_at", "ended_at")
    list_filter = ("state",)
    list_select_related = ("preset",)
    search_fields = ("name", "preset__name", "preset__slug")

    def get_fieldsets(self, request: HttpRequest, obj: Experiment | None = None) -> Any:
        planned = [(None, {"fields": ("name", "notes", "preset")})]
        if obj is not None and obj.state != Experiment.State.DRAFT:
            return [(None, {"fields": ("name", "preset", "planned_variants", "notes")})]
        slots = [
            (
                f"Variant {number}",
                {"fields": [f"variant_{number}_{name}" for name in _slot(number)]},
            )
            for number in range(1, SLOTS + 1)
        ]
        return planned + slots

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """The fields of variants are made by the form itself."""
        fields = (
            ("notes",)
            if obj and obj.state != Experiment.State.DRAFT
            else ExperimentForm.Meta.fields
        )
        return super().get_form(request, obj, change, **{**kwargs, "fields": fields})

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        has_begun = obj is not None and obj.state != Experiment.State.DRAFT
        return ("name", "preset", "planned_variants") if has_begun else ()

    @admin.display(description="share of people")
    def share(self, experiment: Experiment) -> str:
        return f"{experiment.share_percent} %"

    @admin.display(description="variants")
    def planned_variants(self, experiment: Experiment) -> str:
        names = {preset.pk: str(preset) for preset in Preset.objects.all()}
        return "; ".join(
            f"{each['name']}: "
            + (names.get(each["preset"], "deleted") if each.get("preset") else str(each["model"]))
            for each in experiment.variants
        )

    def save_model(self, request: HttpRequest, obj: Experiment, form: Any, change: bool) -> None:
        stored = Experiment.objects.filter(pk=obj.pk).first() if change else None
        is_draft = stored is None or stored.state == Experiment.State.DRAFT
        names = ("name", "notes", "preset", "variants") if is_draft else ("notes",)
        saved = running.save_experiment(
            actor=_person(request),
            experiment=stored,
            fields={name: form.cleaned_data[name] for name in names},
        )
        obj.pk, obj._state.adding = saved.pk, False

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        context = {**(extra_context or {}), **self._results(object_id)}
        try:
            with transaction.atomic():
                return super().changeform_view(request, object_id, form_url, context)
        except InvalidFields as error:
            messages.error(request, str(error))
            request.method = "GET"
            return super().changeform_view(request, object_id, form_url, context)

    def _results(self, object_id: str | None) -> dict[str, Any]:
        row = Experiment.objects.filter(pk=object_id or "").first()
        if row is None:
            return {}
        found = results_of(row.name, [each["name"] for each in row.variants])
        return {
            "experiment": row,
            "next_step": running.next_step(row),
            "measures": [figure.measure.name for figure in found[0].figures],
            "rows": [
                Row(
                    "without (comparison)" if result.name == CONTROL else result.name,
                    [
                        (f"{result.people:,}", f"{result.requests:,} requests", ""),
                        *map(_cell, result.figures),
                    ],
                )
                for result in found
            ],
        }

    # -- Buttons -------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        return [
            path(
                f"<str:object_id>/{name}/",
                self.admin_site.admin_view(view),
                name=f"presets_experiment_{name}",
            )
            for name, view in (("share", self.set_share), ("end", self.end))
        ] + super().get_urls()

    @method_decorator(require_POST)
    def set_share(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = get_object_or_404(Experiment, pk=object_id)
        typed = request.POST.get("percent", "")
        try:
            percent = (
                int(typed) if typed.isascii() and typed.isdecimal() and len(typed) <= 3 else -1
            )
            row = running.set_share(actor=_person(request), experiment=row, percent=percent)
        except InvalidFields as error:
            messages.error(request, str(error))
        else:
            self.log_change(request, row, f"Now for {percent} % of the people.")
            messages.success(request, f"Now for {percent} % of the people.")
        return redirect("admin:presets_experiment_change", object_id)

    @method_decorator(require_POST)
    def end(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = get_object_or_404(Experiment, pk=object_id)
        running.end_experiment(actor=_person(request), experiment=row)
        self.log_change(request, row, "Ended.")
        messages.success(request, "Ended. Everybody gets the preset itself again.")
        return redirect("admin:presets_experiment_change", object_id)


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101 - the admin lets nobody else in
    return request.user


def _cell(figure: Figure) -> tuple[str, str, str]:
    """The figure, its range, and the verdict."""
    if figure.estimate is None:
        return "–", "", ""
    shown = _shown(figure.estimate.value, figure.measure.unit)
    return shown, _range(figure.estimate, figure.measure.unit), figure.verdict


def _range(estimate: Estimate, unit: str) -> str:
    if estimate.low is None or estimate.high is None:
        return "too few people to tell"
    highest = 1.0 if unit == "share" else estimate.high
    low, high = max(estimate.low, 0.0), min(estimate.high, highest)
    return f"{_shown(low, unit)} to {_shown(high, unit)}"


def _shown(value: float, unit: str) -> str:
    if unit == "credits":
        return f"{value / _CREDITS_PER_DOLLAR:.5f} USD"
    return f"{value * 100:.1f} %" if unit == "share" else f"{value / 1000:.2f} s"
