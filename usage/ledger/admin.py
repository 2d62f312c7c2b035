"""The admin pages of balances and of the ledger."""

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from librechat_backend.lib.admin import ModelAdmin, ModelForm, NumberInput, TextInput
from usage.ledger.movements import adjust, open_balance
from usage.ledger.refunds import can_refund, refund, refund_of
from usage.models import Balance, LedgerEntry
from usage.usd import dollars, to_credits


class BalanceForm(ModelForm[Balance]):
    usd = forms.DecimalField(
        label="add (USD)",
        required=False,
        max_digits=12,
        decimal_places=6,
        widget=NumberInput,
        help_text="With a minus sign it is taken away.",
    )
    reason = forms.CharField(
        max_length=300, required=False, widget=TextInput, help_text="Kept in the ledger."
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("usd") and not cleaned.get("reason"):
            self.add_error("reason", "Say why.")
        return cleaned


@admin.register(Balance)
class BalanceAdmin(ModelAdmin[Balance]):
    form = BalanceForm
    list_display = ("user", "left", "in_progress", "auto_refill", "last_refill_at")
    list_select_related = ("user",)
    list_filter = ("auto_refill",)
    search_fields = ("user__email", "user__name")
    autocomplete_fields = ("user",)
    fieldsets = (
        (None, {"fields": ("user", "left", "in_progress", "entries")}),
        ("Change by hand", {"fields": ("usd", "reason")}),
        (
            "Refill",
            {
                "fields": (
                    "auto_refill", "refill_credits", "refill_interval_value",
                    "refill_interval_unit", "last_refill_at",
                )
            },
        ),
    )  # fmt: skip

    def get_readonly_fields(self, request: HttpRequest, obj: Balance | None = None) -> Any:
        shown = ("left", "in_progress", "entries")
        return ("user", *shown) if obj else shown

    @admin.display(description="credits", ordering="credits")
    def left(self, balance: Balance) -> str:
        return dollars(balance.credits)

    @admin.display(description="put aside for calls in progress", ordering="leased")
    def in_progress(self, balance: Balance) -> str:
        return dollars(balance.leased)

    @admin.display(description="movements")
    def entries(self, balance: Balance) -> SafeString | str:
        if not balance.user_id:
            return "-"
        address = reverse("admin:usage_ledgerentry_changelist")
        return format_html(
            '<a class="underline" href="{}?user__id__exact={}">in the ledger</a>',
            address,
            balance.user_id,
        )

    def save_model(self, request: HttpRequest, obj: Balance, form: Any, change: bool) -> None:
        """Credits are changed by movements alone."""
        open_balance(obj.user)
        written = [name for name in form.changed_data if name not in ("user", "usd", "reason")]
        if written:
            obj.save(update_fields=written, force_update=True)
        amount = to_credits(form.cleaned_data["usd"] or Decimal(0))
        if amount:
            reason = form.cleaned_data["reason"]
            adjust(user=obj.user, amount=amount, reason=reason, by=request.user)  # type: ignore[arg-type]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(LedgerEntry)
class LedgerEntryAdmin(ModelAdmin[LedgerEntry]):
    list_display = (
        "created_at", "kind", "person", "moved", "what_it_cost", "operation", "model", "reason",
        "made_by",
    )  # fmt: skip
    list_filter = ("kind", "operation")
    list_select_related = ("user", "by")
    search_fields = ("user__email", "model", "reason", "reference", "conversation_id")
    date_hierarchy = "created_at"
    show_full_result_count = False
    change_form_outer_before_template = "usage/refund.html"
    fields = (
        "created_at", "kind", "person", "moved", "what_it_cost", "operation", "model", "its_row",
        "conversation_id", "periods", "reason", "made_by", "reference", "details",
    )  # fmt: skip

    @admin.display(description="person", ordering="user")
    def person(self, entry: LedgerEntry) -> str:
        """The entry may outlive the person."""
        try:
            return str(entry.user or "-")
        except ObjectDoesNotExist:
            return "-"

    @admin.display(description="balance", ordering="amount")
    def moved(self, entry: LedgerEntry) -> str:
        return f"{'+' if entry.amount > 0 else ''}{_signed(entry.amount)}" if entry.amount else "-"

    @admin.display(description="cost", ordering="cost")
    def what_it_cost(self, entry: LedgerEntry) -> str:
        return dollars(entry.cost) if entry.cost else "-"

    @admin.display(description="by", ordering="by")
    def made_by(self, entry: LedgerEntry) -> str:
        return str(entry.by or "-")

    @admin.display(description="request")
    def its_row(self, entry: LedgerEntry) -> SafeString | str:
        if not entry.request_id:
            return "-"
        address = reverse("admin:usage_requestlog_change", args=[entry.request_id])
        return format_html('<a class="underline" href="{}">in the log of requests</a>', address)

    # -- Refund --------------------------------------------------------------------------------

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        entry = LedgerEntry.objects.filter(pk=object_id).first()
        shown = {
            "refunded": entry and refund_of(entry),
            "may_refund": entry and can_refund(entry) and _may_refund(request),
        }
        return super().change_view(request, object_id, form_url, {**shown, **(extra_context or {})})

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.refund)
        own = path("<str:object_id>/refund/", view, name="usage_ledgerentry_refund")
        return [own, *super().get_urls()]

    @method_decorator(require_POST)
    def refund(self, request: HttpRequest, object_id: str) -> HttpResponse:
        if not _may_refund(request):
            raise PermissionDenied
        entry = get_object_or_404(LedgerEntry, pk=object_id)
        reason = request.POST.get("reason", "").strip()
        if not reason:
            messages.error(request, "Say why.")
        elif not can_refund(entry):
            messages.error(request, "Nothing was paid for this.")
        else:
            refund(entry_id=entry.pk, reason=reason, by=request.user)  # type: ignore[arg-type]
            messages.success(request, "Paid back.")
        return redirect("admin:usage_ledgerentry_change", object_id)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def _may_refund(request: HttpRequest) -> bool:
    """Who may change balances."""
    return request.user.has_perm("usage.change_balance")


def _signed(credits: int) -> str:
    return f"-{dollars(-credits)}" if credits < 0 else dollars(credits)
