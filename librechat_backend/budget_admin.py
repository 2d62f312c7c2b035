"""The admin page of budgets. Here, because their owners are rows of all apps."""

from collections.abc import Iterable
from decimal import Decimal
from itertools import groupby
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.models import Group, Membership, User
from gateway.models import ApiToken
from librechat_backend.lib.admin import ModelAdmin, ModelForm, NumberInput, Select, TextInput
from librechat_backend.lib.pickers import AutocompleteSelect
from presets.models import Assignment, Preset
from providers.models import Channel
from providers.snapshots import current_channels
from usage.ledger.pools import period_id
from usage.ledger.windows import window_of
from usage.models import Budget, BudgetPeriod
from usage.usd import dollars, to_credits

Owner = Budget.Owner


def _picker(model: Any, name: str) -> AutocompleteSelect:
    """Searches as the page of ``model`` does for its ``name``."""
    return AutocompleteSelect(model._meta.get_field(name), admin.site)


class BudgetForm(ModelForm[Budget]):
    """One of the fields names the owner, according to its kind."""

    person = forms.ModelChoiceField(User.objects.all(), required=False)
    group = forms.ModelChoiceField(Group.objects.all(), required=False)
    key = forms.CharField(
        label="API key",
        required=False,
        widget=TextInput,
        help_text="How it begins, as its list shows it.",
    )
    preset = forms.ModelChoiceField(Preset.objects.all(), required=False)
    fallback_preset = forms.ChoiceField(
        label="Who answers then",
        required=False,
        widget=Select,
        help_text="A preset that costs less. Who has it gets its answers until the budget begins "
        "anew, and is told so above each; budgets of its own hold. Nobody else gets it by this: "
        "their calls are refused. At the API it answers chats alone.",
    )
    channel = forms.ChoiceField(required=False, widget=Select)
    limit = forms.DecimalField(
        label="Limit (USD)", min_value=0, max_digits=14, decimal_places=6, widget=NumberInput
    )
    extra = forms.DecimalField(
        label="Once more (USD)",
        min_value=0,
        max_digits=14,
        decimal_places=6,
        required=False,
        widget=NumberInput,
        help_text="On top of the limit, until this window ends.",
    )

    class Meta:
        model = Budget
        fields = ("name", "owner_kind", "window", "is_active", "fallback_preset")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["person"].widget = _picker(Membership, "user")
        self.fields["group"].widget = _picker(Membership, "group")
        self.fields["preset"].widget = _picker(Assignment, "preset")
        for name in ("person", "group", "preset"):
            self.fields[name].widget.choices = self.fields[name].choices  # type: ignore[attr-defined]
        channels = [(channel.id, channel.name) for channel in current_channels()]
        self.fields["channel"].choices = [("", "---------"), *channels]  # type: ignore[attr-defined]
        self.fields["fallback_preset"].choices = _fallbacks(self.instance)  # type: ignore[attr-defined]
        self._fill()

    def _fill(self) -> None:
        budget = self.instance
        if budget._state.adding:
            return
        self.initial["limit"] = Decimal(budget.limit_credits) / 1_000_000
        self.initial["extra"] = Decimal(budget.extra_credits) / 1_000_000
        self.initial.update(_initial_owner(budget))

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        kind = cleaned.get("owner_kind")
        if kind and kind != Owner.EVERYONE:
            self._find_owner(kind, cleaned)
        if not self.errors:
            self._refuse_a_second(cleaned)
        return cleaned

    def _find_owner(self, kind: str, cleaned: dict[str, Any]) -> None:
        field = {Owner.USER: "person", Owner.TOKEN: "key"}.get(Owner(kind), kind)
        chosen = cleaned.get(field)
        if not chosen:
            self.add_error(field, "Choose whose budget this is.")
        elif kind == Owner.TOKEN:
            key = ApiToken.objects.filter(prefix=chosen).first()
            if key is None:
                self.add_error(field, "No API key begins like this.")
            cleaned["owner_id"] = key.pk if key else ""
        elif kind == Owner.PRESET:
            cleaned["owner_id"] = chosen.slug
        else:
            cleaned["owner_id"] = str(getattr(chosen, "pk", chosen))

    def _refuse_a_second(self, cleaned: dict[str, Any]) -> None:
        same = Budget.objects.filter(
            owner_kind=cleaned["owner_kind"],
            owner_id=cleaned.get("owner_id", ""),
            window=cleaned["window"],
        )
        if same.exclude(pk=self.instance.pk).exists():
            self.add_error("window", "There is such a budget already; change that one.")


def _fallbacks(budget: Budget) -> list[tuple[str, str]]:
    """By slugs: several presets may have one, each for others."""
    named = {preset.slug: f"{preset.name} ({preset.slug})" for preset in _presets()}
    if budget.fallback_preset:
        named.setdefault(budget.fallback_preset, budget.fallback_preset)
    return [("", "nobody: the call is refused"), *named.items()]


def _presets() -> Iterable[Preset]:
    return Preset.objects.filter(is_active=True).order_by("slug", "name")


def _initial_owner(budget: Budget) -> dict[str, Any]:
    kind, owner_id = budget.owner_kind, budget.owner_id
    if kind == Owner.USER:
        return {"person": owner_id}
    if kind == Owner.TOKEN:
        key = ApiToken.objects.filter(pk=owner_id).first()
        return {"key": key.prefix if key else ""}
    if kind == Owner.PRESET:
        return {"preset": Preset.objects.filter(slug=owner_id).first()}
    return {kind: owner_id}


@admin.register(Budget)
class BudgetAdmin(ModelAdmin[Budget]):
    form = BudgetForm
    list_display = ("__str__", "owner", "window", "spent", "begins_anew", "is_active")
    list_filter = ("owner_kind", "window", "is_active")
    search_fields = ("name", "owner_id")
    readonly_fields = ("spent",)
    fieldsets = (
        (None, {"fields": ("name", "is_active", "spent")}),
        (
            "Whose",
            {
                "fields": ("owner_kind", "person", "group", "key", "preset", "channel"),
                "description": "A call must fit every budget on its way: everyone's, the "
                "person's, that of each of their groups and of all above, the key's, the "
                "preset's and the channel's.",
            },
        ),
        ("How much", {"fields": ("limit", "window", "extra")}),
        ("When it is used up", {"fields": ("fallback_preset",)}),
    )

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Names and figures of the whole page in a few queries."""
        found = super().get_changelist_instance(request)
        rows = list(found.result_list)
        names = owner_names(rows)
        periods = BudgetPeriod.objects.in_bulk([_period_id(row) for row in rows])
        for row in rows:
            row.shown_owner, row.shown_period = names[row.pk], periods.get(_period_id(row))
        found.result_list = rows
        return found

    @admin.display(description="of")
    def owner(self, budget: Any) -> str:
        return str(budget.shown_owner)

    @admin.display(description="used")
    def spent(self, budget: Any) -> SafeString | str:
        if budget._state.adding:
            return "-"
        limit, period = budget.limit_at(timezone.now()), _period(budget)
        used, aside = (period.used, period.leased) if period else (0, 0)
        share = min(100, 100 * used // limit) if limit else 100
        return format_html(
            '<div style="min-width: 10rem">{} of {}{}<div style="background: rgba(128, 128, 128, '
            '.25); height: 4px; border-radius: 2px"><div style="background: {}; height: 4px; '
            'border-radius: 2px; width: {}%"></div></div></div>',
            dollars(used), dollars(limit),
            f", {dollars(aside)} put aside" if aside else "",
            "#dc2626" if share >= 90 else "#16a34a", share,
        )  # fmt: skip

    @admin.display(description="begins anew")
    def begins_anew(self, budget: Budget) -> Any:
        return window_of(budget.window, timezone.now())[1] or "never"

    def save_model(self, request: HttpRequest, obj: Budget, form: Any, change: bool) -> None:
        cleaned = form.cleaned_data
        obj.owner_id = cleaned.get("owner_id", "")
        obj.limit_credits = to_credits(cleaned["limit"])
        extra = to_credits(cleaned["extra"] or Decimal(0))
        if extra != obj.extra_credits:
            obj.extra_credits = extra
            obj.extra_until = window_of(obj.window, timezone.now())[1]
        super().save_model(request, obj, form, change)


def _period_id(budget: Budget) -> str:
    starts_at, _ = window_of(budget.window, timezone.now())
    return period_id(budget.pk, starts_at)


def _period(budget: Any) -> BudgetPeriod | None:
    if hasattr(budget, "shown_period"):
        period: BudgetPeriod | None = budget.shown_period
        return period
    return BudgetPeriod.objects.filter(pk=_period_id(budget)).first()


def owner_names(budgets: Iterable[Budget]) -> dict[str, str]:
    """By the ids of the budgets: in words, with the id where there is no such row any more."""
    found: dict[str, str] = {}
    for kind, own in groupby(sorted(budgets, key=_kind), key=_kind):
        rows = list(own)
        named = _names(kind, [row.owner_id for row in rows])
        label = rows[0].get_owner_kind_display()
        for row in rows:
            found[row.pk] = f"{label} {named.get(row.owner_id, row.owner_id)}".strip()
    return found


def _kind(budget: Budget) -> str:
    return budget.owner_kind


def _names(kind: str, owner_ids: list[str]) -> dict[str, str]:
    models: dict[str, Any] = {
        Owner.USER: User, Owner.GROUP: Group, Owner.TOKEN: ApiToken, Owner.CHANNEL: Channel,
    }  # fmt: skip
    if kind not in models:
        return {}
    return {str(row.pk): str(row) for row in models[kind].objects.filter(pk__in=owner_ids)}
