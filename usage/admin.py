"""The admin pages of requests: who asked which model, what it took, and how much they may."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import ObjectDoesNotExist
from django.http import HttpRequest

from librechat_backend.lib import json
from librechat_backend.lib.admin import ModelAdmin
from librechat_backend.lib.json import JSONDict
from usage.analytics.admin import Viewable, within_of
from usage.analytics.filters import CountedFilter, GroupFilter, ModelFilter
from usage.analytics.reading import asked_within
from usage.ledger import admin as _ledger  # noqa: F401 - registers its pages
from usage.models import RateLimit, RequestContent, RequestLog
from usage.price_admin import BillingRulesAdmin, PriceAdmin
from usage.usd import dollars

__all__ = ["BillingRulesAdmin", "PriceAdmin", "RateLimitAdmin", "RequestLogAdmin"]


def _duration(milliseconds: int) -> str:
    return f"{milliseconds} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.1f} s"


# Kinds of errors (providers/errors.py) as the log has them; what is not here stands for itself.
_IN_WORDS = {
    "authentication": "the provider refused the key",
    "permission": "the key may not use this model",
    "quota": "the account at the provider is used up",
    "rate_limit": "the provider had too many requests",
    "context_length": "too long for this model",
    "content_filter": "stopped by the provider's filter",
    "model_not_found": "there is no such model",
    "invalid_request": "the request was not accepted",
    "timeout": "no answer in time",
    "connection": "the connection failed",
    "upstream": "the provider failed",
    "malformed": "the answer could not be read",
    "no_channel": "no channel serves this model",
    "busy": "the channel was at its limit",
    "address": "the address is not allowed",
    "limit": "a limit was reached",
    "budget": "a budget is used up",
    "unpriced": "the model has no price",
}


def _in_words(error: str) -> str:
    """``upstream 500`` → ``the provider failed (500)``."""
    kind, _, status = error.partition(" ")
    if kind not in _IN_WORDS:
        return error
    return f"{_IN_WORDS[kind]} ({status})" if status else _IN_WORDS[kind]


def _attempt(tried: JSONDict) -> str:
    outcome = _in_words(tried["error"]) if tried.get("error") else "answered"
    return f"{tried.get('channel')} ({tried.get('model')}): {outcome}"


@admin.register(RequestLog)
class RequestLogAdmin(Viewable):
    list_display = (
        "created_at", "status", "person", "face", "requested_model", "channel_name", "tokens",
        "cost", "first_word", "took",
    )  # fmt: skip
    list_filter = (
        CountedFilter, "status", "face", "operation", "is_estimated", GroupFilter, ModelFilter,
    )  # fmt: skip
    list_select_related = ("user",)
    search_fields = ("user__email", "requested_model", "channel_name", "token_name")
    filtered_by = ("channel_id", "token_id")
    date_hierarchy = "created_at"
    show_full_result_count = False
    fieldsets = (
        (None, {"fields": ("created_at", "face", "operation", "person", "status", "problem")}),
        (
            "Who and what",
            {
                "fields": (
                    "then_in", "token_name", "session_id", "preset_slug", "preset_version",
                    "experiment", "variant", "resolved_hash",
                )
            },
        ),
        (
            "Model",
            {
                "fields": (
                    "requested_model", "served_model", "endpoint", "channel_name", "key_id",
                    "tried", "routing", "cache",
                )
            },
        ),
        (
            "What it took",
            {
                "fields": (
                    "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens",
                    "reasoning_tokens", "input_audio_tokens", "input_image_tokens",
                    "output_audio_tokens", "output_image_tokens", "is_estimated",
                    "cost", "price_id", "is_streamed",
                    "first_token_ms", "total_ms", "http_status",
                )
            },
        ),
        ("Content", {"classes": ("collapse",), "fields": ("conversation_id", "said")}),
    )  # fmt: skip

    @admin.display(ordering="input_tokens", description="tokens")
    def tokens(self, row: RequestLog) -> str:
        return f"{row.input_tokens:,} in, {row.output_tokens:,} out"

    @admin.display(ordering="total_ms", description="took")
    def took(self, row: RequestLog) -> str:
        return _duration(row.total_ms)

    @admin.display(ordering="first_token_ms", description="first word after")
    def first_word(self, row: RequestLog) -> str:
        return "-" if row.first_token_ms is None else _duration(row.first_token_ms)

    @admin.display(description="what went wrong")
    def problem(self, row: RequestLog) -> str:
        return _in_words(row.error) if row.error else "-"

    @admin.display(description="groups then, nearest first")
    def then_in(self, row: RequestLog) -> str:
        return ", ".join(group["name"] for group in row.groups) or "none"

    @admin.display(description="tried in this order")
    def tried(self, row: RequestLog) -> str:
        return "\n".join(map(_attempt, row.attempts)) or "nobody was asked"

    @admin.display(ordering="user", description="person")
    def person(self, row: RequestLog) -> str:
        """The row may outlive the person."""
        try:
            return str(row.user or "-")
        except ObjectDoesNotExist:
            return "-"

    @admin.display(ordering="cost_credits", description="cost")
    def cost(self, row: RequestLog) -> str:
        return "no price" if row.cost_credits is None else dollars(row.cost_credits)

    @admin.display(description="request and answer")
    def said(self, row: RequestLog) -> str:
        kept = RequestContent.objects.filter(request=row).first()
        return json.dumps_indented(kept.value).decode() if kept else "not kept"

    def get_queryset(self, request: HttpRequest) -> Any:
        """Managers of groups see what their groups asked."""
        rows, within = super().get_queryset(request), within_of(request)
        return rows if within is None else rows.filter(asked_within(within))

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """What was said is none of a manager's business."""
        shown = super().get_fieldsets(request, obj)
        return shown if within_of(request) is None else shown[:-1]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        is_viewer = super().has_view_permission(request)
        return is_viewer and (obj is None or self.get_queryset(request).filter(pk=obj.pk).exists())


@admin.register(RateLimit)
class RateLimitAdmin(ModelAdmin[RateLimit]):
    list_display = (
        "for_whom", "requests_per_minute", "tokens_per_minute", "parallel_requests", "is_active",
    )  # fmt: skip
    list_filter = ("is_active", "counted")
    list_select_related = ("user", "group")
    search_fields = ("user__email", "group__name", "model", "network")
    autocomplete_fields = ("user", "group")
    fieldsets = (
        (
            "What it holds for",
            {
                "fields": ("user", "group", "model", "network"),
                "description": "Requests of the chat and of the API that fit all that is filled "
                "in. Where several limits fit, all of them hold.",
            },
        ),
        (
            "How much",
            {
                "fields": (
                    "requests_per_minute", "tokens_per_minute", "parallel_requests", "counted",
                    "is_active",
                ),
                "description": "Leave empty what is not limited.",
            },
        ),
    )  # fmt: skip

    @admin.display(description="of")
    def for_whom(self, row: RateLimit) -> str:
        return row.owner.removeprefix("The limit of ")
