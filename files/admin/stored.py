"""Stored files: how much there is, whose and of what kind; never what is in them.

Names tell what a file is about, so they are not shown either.
"""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.defaultfilters import filesizeformat
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_POST

from files.models import File
from files.services import cleaning
from files.space import used_space
from files.tasks import read_text, remove_waste
from librechat_backend.lib.admin import ModelAdmin
from librechat_backend.lib.tasks import enqueue

SHOWN = (
    "file_id", "user", "media_type", "size", "stored_size", "stored_in", "context", "is_text",
    "text_state", "text_problem", "page_count", "width", "height", "usage", "created_at",
    "expires_at",
)  # fmt: skip


@admin.register(File)
class FileAdmin(ModelAdmin[File]):
    list_display = (
        "file_id", "user", "media_type", "size", "stored_in", "text_state", "text_problem",
        "created_at",
    )  # fmt: skip
    list_filter = ("blob__storage", "context", "text_state", "media_type")
    list_select_related = ("user", "blob")
    search_fields = ("file_id", "user__email")
    show_full_result_count = False
    actions = ("read_again",)
    list_before_template = "files/admin/space.html"
    fields = readonly_fields = SHOWN

    def get_queryset(self, request: HttpRequest) -> QuerySet[File]:
        return super().get_queryset(request).defer("text")

    @admin.display(description="size", ordering="byte_count")
    def size(self, file: File) -> str:
        return filesizeformat(file.byte_count)

    @admin.display(description="takes")
    def stored_size(self, file: File) -> str:
        return filesizeformat(file.blob.byte_count)

    @admin.display(description="stored", ordering="blob__storage")
    def stored_in(self, file: File) -> str:
        return file.blob.get_storage_display()

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        may_clean = self.has_delete_permission(request)
        space = {"space": used_space(), "may_clean": may_clean}
        return super().changelist_view(request, {**space, **(extra_context or {})})

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.clean)
        return [path("clean/", view, name="files_file_clean"), *super().get_urls()]

    @method_decorator(require_POST)
    def clean(self, request: HttpRequest) -> HttpResponse:
        if not self.has_delete_permission(request):
            raise PermissionDenied
        cleaned = cleaning.clean()
        messages.success(
            request,
            f"Removed: {cleaned.file_count} files whose time was over, {cleaned.blob_count} stored "
            f"objects without a file ({filesizeformat(cleaned.byte_count)}).",
        )
        return redirect("admin:files_file_changelist")

    @admin.action(description="Read the text again", permissions=["change"])
    def read_again(self, request: HttpRequest, queryset: QuerySet[File]) -> None:
        file_ids = list(queryset.values_list("pk", flat=True))
        with transaction.atomic():
            for file_id in file_ids:
                enqueue(read_text, file_id)
        messages.success(request, f"Being read again in the background: {len(file_ids)}.")

    def delete_model(self, request: HttpRequest, obj: File) -> None:
        self.delete_queryset(request, File.objects.filter(pk=obj.pk))

    @transaction.atomic
    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[File]) -> None:
        queryset.delete()
        enqueue(remove_waste)
