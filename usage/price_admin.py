"""The admin pages of prices: what models cost, what has no price, and how credits are handled."""

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone

from librechat_backend.lib.admin import ModelAdmin, ModelForm, NumberInput
from usage.models import BillingRules, Price
from usage.price_changes import set_price
from usage.pricing import CREDITS_PER_USD, Rates
from usage.unpriced import DAYS, unpriced_models
from usage.usd import per_million, to_credits

_RATES = (
    "input", "output", "cache_read", "cache_write", "reasoning", "input_audio", "input_image",
    "output_audio", "output_image",
)  # fmt: skip


def _usd_field(label: str, help_text: str = "", *, required: bool = False) -> forms.DecimalField:
    return forms.DecimalField(
        label=label,
        help_text=help_text,
        required=required,
        min_value=Decimal(0),
        max_value=Decimal(1_000_000),
        decimal_places=6,
        widget=NumberInput,
    )


class PriceForm(ModelForm[Price]):
    input = _usd_field("Input", required=True)
    output = _usd_field("Output", required=True)
    cache_read = _usd_field("Read from cache", "Empty: as the input.")
    cache_write = _usd_field("Written to cache", "Empty: as the input.")
    reasoning = _usd_field("Reasoning", "Empty: as the output.")
    input_audio = _usd_field("Sound it reads", "Empty: as the input.")
    input_image = _usd_field("Pictures it reads", "Empty: as the input.")
    output_audio = _usd_field("Sound it makes", "Empty: as the output.")
    output_image = _usd_field("Pictures it makes", "Empty: as the output.")
    request = _usd_field("Each request", "In USD, besides its tokens.")

    class Meta:
        model = Price
        fields = ("model", "kind", "channel_id")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk and not self.instance._state.adding:
            for name in (*_RATES, "request"):
                credits = getattr(self.instance, f"{name}_credits")
                self.initial[name] = None if credits is None else _usd(credits)

    def rates(self) -> Rates:
        return Rates(**{name: _credits(self.cleaned_data[name]) for name in _RATES})  # type: ignore[arg-type]


def _usd(credits: int) -> Decimal:
    return Decimal(f"{(Decimal(credits) / CREDITS_PER_USD).normalize():f}")


def _credits(usd: Decimal | None) -> int | None:
    return None if usd is None else to_credits(usd)


class PeriodFilter(admin.SimpleListFilter):
    """The prices that hold, unless others are asked for."""

    title = "period"
    parameter_name = "period"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("past", "Past"), ("later", "From later on"), ("all", "All")]

    def choices(self, changelist: Any) -> Any:
        first, *rest = super().choices(changelist)
        yield {**first, "display": "Now"}
        yield from rest

    def queryset(self, request: HttpRequest, queryset: QuerySet[Price]) -> QuerySet[Price]:
        now = timezone.now()
        periods = {
            None: Q(valid_from__lte=now) & (Q(valid_until=None) | Q(valid_until__gt=now)),
            "past": Q(valid_until__lte=now),
            "later": Q(valid_from__gt=now),
        }
        return queryset.filter(periods.get(self.value(), Q()))


@admin.register(Price)
class PriceAdmin(ModelAdmin[Price]):
    form = PriceForm
    list_display = (
        "model", "kind", "channel_id", "input", "output", "from_cache", "valid_from",
        "valid_until", "source",
    )  # fmt: skip
    list_filter = (PeriodFilter, "kind")
    search_fields = ("model", "channel_id")
    list_before_template = "usage/price_links.html"
    show_full_result_count = False
    fieldsets = (
        (
            "For",
            {
                "fields": ("model", "kind", "channel_id"),
                "description": "The name as the service knows it. The price of a channel comes "
                "before that of its kind, before one for all.",
            },
        ),
        (
            "Price from now on, in USD for a million tokens",
            {
                "fields": (*_RATES, "request"),
                "description": "What was asked until now keeps its cost: saving ends the price "
                "that holds and begins this one, for inputs of any length and the whole day.",
            },
        ),
    )

    @admin.display(ordering="input_credits", description="input, per million")
    def input(self, row: Price) -> str:
        return per_million(row.input_credits) + (" …" if row.tiers else "")

    @admin.display(ordering="output_credits", description="output, per million")
    def output(self, row: Price) -> str:
        return per_million(row.output_credits)

    @admin.display(ordering="cache_read_credits", description="from cache")
    def from_cache(self, row: Price) -> str:
        return per_million(row.cache_read_credits) or "-"

    def save_model(self, request: HttpRequest, obj: Price, form: Any, change: bool) -> None:
        made = set_price(
            model=obj.model,
            kind=obj.kind,
            channel_id=obj.channel_id,
            rates=form.rates(),
            request_credits=_credits(form.cleaned_data["request"]) or 0,
            match=obj.match,
        )
        obj.pk = made.pk

    def get_readonly_fields(self, request: HttpRequest, obj: Price | None = None) -> Any:
        """Another name would be another price."""
        return ("model", "kind", "channel_id") if obj else ()

    def has_change_permission(self, request: HttpRequest, obj: Price | None = None) -> bool:
        is_past = obj is not None and obj.valid_until is not None
        return super().has_change_permission(request, obj) and not (
            is_past and obj.valid_until <= timezone.now()  # type: ignore[union-attr,operator]
        )

    def has_delete_permission(self, request: HttpRequest, obj: Price | None = None) -> bool:
        """Costs name the price they were paid by."""
        return False

    def get_urls(self) -> list[URLPattern]:
        unpriced = self.admin_site.admin_view(self.unpriced)
        return [path("unpriced/", unpriced, name="usage_price_unpriced"), *super().get_urls()]

    def unpriced(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": "Models without a price",
            "opts": Price._meta,
            "days": DAYS,
            "rows": list(unpriced_models()),
            "may_add": self.has_add_permission(request),
        }
        return TemplateResponse(request, "usage/unpriced.html", context)


@admin.register(BillingRules)
class BillingRulesAdmin(ModelAdmin[BillingRules]):
    """One row."""

    fieldsets = (
        ("What people see", {"fields": ("shows_cost", "currency_code", "currency_rate")}),
        (
            "Balances",
            {
                "fields": (
                    "has_balances", "start_credits", "auto_refill", "refill_interval_value",
                    "refill_interval_unit", "refill_credits",
                ),
                "description": "1,000,000 credits are 1 USD.",
            },
        ),
        ("Before a call", {"fields": ("unpriced", "reserved_output_tokens")}),
    )  # fmt: skip

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """There is no list to choose from."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        rules = BillingRules.objects.first()
        if rules is None:
            return redirect("admin:usage_billingrules_add")
        return redirect("admin:usage_billingrules_change", rules.pk)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Not a permission: those are asked on every page, for the menu."""
        if BillingRules.objects.exists():
            return self.changelist_view(request)
        return super().add_view(request, form_url, extra_context)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
