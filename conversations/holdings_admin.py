"""The admin pages of what people keep beside their chats: whose it is and how much, not what.

Keys, names and texts tell about a person as much as chats do, so they are not shown.
"""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Count, Exists, OuterRef, QuerySet
from django.http import HttpRequest

from accounts.access_roles import PrincipalType, ResourceType
from accounts.models import AccessEntry
from conversations.models import Memory, PromptGroup, SharedLink
from conversations.services.prompts import delete_groups
from conversations.services.revoking import delete_links
from librechat_backend.lib.admin import ModelAdmin


class HoldingAdmin(ModelAdmin[Any]):
    """Can be looked at and deleted."""

    list_select_related = ("user",)
    search_fields: ClassVar[tuple[str, ...]] = ("user__email",)
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Memory)
class MemoryAdmin(HoldingAdmin):
    list_display = ("user", "token_count", "updated_at", "id")
    fields = readonly_fields = ("id", "user", "agent_id", "token_count", "updated_at")


@admin.register(SharedLink)
class SharedLinkAdmin(HoldingAdmin):
    """Deleting a link takes it back at once. One that somebody reports is found by its address."""

    list_display = ("user", "is_public", "created_at", "updated_at", "expired_at", "id")
    list_filter = ("created_at",)
    search_fields = ("user__email", "=share_id")  # who could find it by a part would find all
    search_help_text = "An e-mail address, or what follows /share/ in the address of the link."
    fields = readonly_fields = (
        "id", "user", "is_public", "snapshot_files", "created_at", "updated_at", "expired_at",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[SharedLink]:
        public = AccessEntry.objects.filter(
            resource_type=ResourceType.SHARED_LINK,
            resource_id=OuterRef("pk"),
            principal_type=PrincipalType.PUBLIC,
        )
        links: QuerySet[SharedLink] = super().get_queryset(request)
        return links.annotate(public=Exists(public))

    @admin.display(description="for everybody", boolean=True)
    def is_public(self, link: Any) -> bool:
        return bool(link.public)

    def delete_model(self, request: HttpRequest, obj: SharedLink) -> None:
        delete_links(links=SharedLink.objects.filter(pk=obj.pk))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[SharedLink]) -> None:
        ids = list(queryset.values_list("pk", flat=True))
        delete_links(links=SharedLink.objects.filter(pk__in=ids))


@admin.register(PromptGroup)
class PromptGroupAdmin(HoldingAdmin):
    """Deleting a prompt takes all its versions along, also from those it is shared with."""

    list_display = ("user", "versions", "usage_count", "created_at", "updated_at", "id")
    list_filter = ("created_at",)
    fields = readonly_fields = (
        "id", "user", "versions", "usage_count", "created_at", "updated_at",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[PromptGroup]:
        groups: QuerySet[PromptGroup] = super().get_queryset(request)
        return groups.annotate(version_count=Count("prompts"))

    @admin.display()
    def versions(self, group: Any) -> int:
        return int(group.version_count)

    def delete_model(self, request: HttpRequest, obj: PromptGroup) -> None:
        delete_groups(groups=PromptGroup.objects.filter(pk=obj.pk))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[PromptGroup]) -> None:
        ids = list(queryset.values_list("pk", flat=True))
        delete_groups(groups=PromptGroup.objects.filter(pk__in=ids))
