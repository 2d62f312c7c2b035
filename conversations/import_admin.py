"""The admin page of imports: how they went, never what was in them."""

from django.contrib import admin
from django.http import HttpRequest

from conversations.models import ChatImport
from librechat_backend.lib.admin import ModelAdmin


@admin.register(ChatImport)
class ChatImportAdmin(ModelAdmin[ChatImport]):
    list_display = (
        "user",
        "status",
        "found",
        "added",
        "extended",
        "known",
        "skipped",
        "created_at",
    )
    list_filter = ("status",)
    list_select_related = ("user",)
    search_fields = ("user__email",)
    fields = readonly_fields = (
        "user", "status", "problem", "byte_count", "bytes_read", "found", "added", "extended",
        "known", "skipped", "created_at", "finished_at",
    )  # fmt: skip

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: ChatImport | None = None) -> bool:
        return False
