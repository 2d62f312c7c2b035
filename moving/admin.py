"""The admin pages of what was brought along: to look at, not to change."""

from django.contrib import admin
from django.http import HttpRequest

from librechat_backend.lib.admin import ModelAdmin
from librechat_backend.lib.json import dumps_indented
from moving.models import KeptDocument
from moving.sealing import hidden

SHOWN_LENGTH = 100_000


@admin.register(KeptDocument)
class KeptDocumentAdmin(ModelAdmin[KeptDocument]):
    list_display = ("collection", "document_id", "user", "changed_at", "imported_at")
    list_filter = ("collection",)
    list_select_related = ("user",)
    search_fields = ("document_id", "user__email")
    fields = ("collection", "document_id", "user", "changed_at", "imported_at", "contents")
    readonly_fields = fields
    show_full_result_count = False

    @admin.display(description="document")
    def contents(self, kept: KeptDocument) -> str:
        """Without its secrets."""
        return dumps_indented(hidden(kept.content())).decode()[:SHOWN_LENGTH]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: KeptDocument | None = None) -> bool:
        return False
