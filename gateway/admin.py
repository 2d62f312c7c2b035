"""The admin pages of API keys. A new key is shown once, on the page that follows its form."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from gateway import services
from gateway.forms import ApiTokenForm
from gateway.models import ApiToken
from librechat_backend.lib.admin import ModelAdmin


@admin.register(ApiToken)
class ApiTokenAdmin(ModelAdmin[ApiToken]):
    form = ApiTokenForm
    list_display = (
        "name", "user", "starts_with", "is_active", "expires_at", "last_used_at", "created_at",
    )  # fmt: skip
    list_filter = ("is_active",)
    list_select_related = ("user",)
    search_fields = ("name", "prefix", "user__email")
    autocomplete_fields = ("user",)
    actions = ("revoke",)
    fieldsets = (
        (
            None,
            {
                "fields": ("user", "name", "is_active", "expires_at"),
                "description": "The key itself is shown once, when this is saved for the first "
                "time.",
            },
        ),
        (
            "What it opens",
            {
                "fields": (
                    "model_names", "gives_no_models", "preset_slugs", "gives_no_presets",
                    "networks",
                )
            },
        ),
        (
            "How much",
            {
                "fields": (
                    "requests_per_minute", "tokens_per_minute", "parallel_requests",
                    "quota_tokens", "quota_window",
                ),
                "description": "Leave empty what is not limited.",
            },
        ),
        ("Answers", {"fields": ("cache_seconds", "keeps_content")}),
    )  # fmt: skip

    @admin.display(description="begins with")
    def starts_with(self, token: ApiToken) -> str:
        return f"{token.prefix}…"

    def get_readonly_fields(self, request: HttpRequest, obj: ApiToken | None = None) -> Any:
        """Whose key it is stays: another person would have other rights."""
        return ("user",) if obj else ()

    def save_model(self, request: HttpRequest, obj: ApiToken, form: Any, change: bool) -> None:
        if not change:
            request.new_api_secret = services.give_secret(token=obj)  # type: ignore[attr-defined]
        services.save_token(token=obj)

    def response_add(
        self, request: HttpRequest, obj: ApiToken, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Not a redirect: the key would have to be kept somewhere until the next page."""
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"The key “{obj.name}”",
            "token": obj,
            "secret": request.new_api_secret,  # type: ignore[attr-defined]
            "base_url": f"{settings.DOMAIN_SERVER}/v1",
        }
        # The admin lets no browser or proxy store its pages.
        return TemplateResponse(request, "gateway/new_key.html", context)

    def delete_model(self, request: HttpRequest, obj: ApiToken) -> None:
        services.delete_token(user_id=obj.user_id, token_id=obj.pk)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        for token in queryset:
            services.delete_token(user_id=token.user_id, token_id=token.pk)

    @admin.action(description="Revoke", permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        for token in queryset:
            services.update_token(token=token, is_active=False)
            self.log_change(request, token, "Revoked.")
