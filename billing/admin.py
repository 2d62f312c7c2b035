"""The admin pages of plans, vouchers and payments."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from billing.models import Payment, Plan, StripeEvent, Subscription, Voucher
from billing.money import money, worth
from billing.services.vouchers import create_vouchers
from librechat_backend.lib.admin import ModelAdmin, ModelForm


@admin.register(Plan)
class PlanAdmin(ModelAdmin[Plan]):
    list_display = ("name", "price", "interval", "credits", "buys", "group", "is_active")
    list_filter = ("is_active", "interval")
    list_select_related = ("group",)
    autocomplete_fields = ("group",)
    search_fields = ("name",)
    fieldsets = (
        (None, {"fields": ("name", "description", "is_active", "position")}),
        ("What it costs", {"fields": ("amount", "currency", "interval", "stripe_price_id")}),
        ("What it brings", {"fields": ("credits", "group")}),
    )

    @admin.display(description="price", ordering="amount")
    def price(self, plan: Plan) -> str:
        return money(plan.amount, plan.currency)

    @admin.display(description="worth in model use")
    def buys(self, plan: Plan) -> str:
        return worth(plan.credits)


class VoucherForm(ModelForm[Voucher]):
    count = forms.IntegerField(
        label="How many vouchers", min_value=1, max_value=1000, initial=1, required=False
    )

    class Meta:
        model = Voucher
        fields = ("note", "credits", "uses", "expires_at", "is_active")


@admin.register(Voucher)
class VoucherAdmin(ModelAdmin[Voucher]):
    form = VoucherForm
    list_display = (
        "__str__", "note", "buys", "used", "uses", "expires_at", "is_active", "created_at",
    )  # fmt: skip
    list_filter = ("is_active",)
    search_fields = ("prefix", "note")

    @admin.display(description="worth", ordering="credits")
    def buys(self, voucher: Voucher) -> str:
        return worth(voucher.credits)

    def get_fields(self, request: HttpRequest, obj: Voucher | None = None) -> Any:
        shared = ("note", "credits", "uses", "expires_at")
        return (*shared, "used", "is_active") if obj else ("count", *shared)

    def get_readonly_fields(self, request: HttpRequest, obj: Voucher | None = None) -> Any:
        """Who holds a voucher was promised what it is worth."""
        return ("credits", "used") if obj else ()

    def save_model(self, request: HttpRequest, obj: Voucher, form: Any, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
            return
        chosen = form.cleaned_data
        codes = create_vouchers(
            count=chosen["count"] or 1,
            credits=chosen["credits"],
            uses=chosen["uses"],
            expires_at=chosen["expires_at"],
            note=chosen["note"],
        )
        request.voucher_codes = codes  # type: ignore[attr-defined]

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Several were made, and none of them is ``obj``."""

    def response_add(
        self, request: HttpRequest, obj: Voucher, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Not a redirect: the codes would have to be kept somewhere until the next page."""
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "New vouchers",
            "codes": request.voucher_codes,  # type: ignore[attr-defined]
            "worth": worth(obj.credits),
        }
        return TemplateResponse(request, "billing/new_vouchers.html", context)


class ReadOnlyAdmin(ModelAdmin[Any]):
    """What Stripe told us; it is changed there."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Payment)
class PaymentAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "user", "plan", "paid", "paid_back", "granted")
    list_select_related = ("user", "plan")
    search_fields = ("user__email", "stripe_id", "payment_intent")
    date_hierarchy = "created_at"
    fields = (
        "created_at", "user", "plan", "paid", "paid_back", "credits", "granted", "stripe_id",
        "payment_intent", "document_url",
    )  # fmt: skip

    @admin.display(ordering="amount")
    def paid(self, payment: Payment) -> str:
        return money(payment.amount, payment.currency)

    @admin.display(description="paid back or disputed")
    def paid_back(self, payment: Payment) -> str:
        back = max(payment.refunded, payment.disputed)
        return money(back, payment.currency) if back else "-"


@admin.register(Subscription)
class SubscriptionAdmin(ReadOnlyAdmin):
    list_display = ("user", "plan", "status", "ends_with_period", "period_ends_at", "changed_at")
    list_filter = ("status", "plan")
    list_select_related = ("user", "plan")
    search_fields = ("user__email", "stripe_id")


@admin.register(StripeEvent)
class StripeEventAdmin(ReadOnlyAdmin):
    list_display = ("received_at", "kind", "outcome", "created_at", "id")
    list_filter = ("kind",)
    search_fields = ("id", "kind")
