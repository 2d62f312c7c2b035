"""The admin page of conversations: that they exist, never what was said.

Titles, settings and tags tell what a chat is about, so they are not shown either.
"""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from conversations.experiment_admin import ExperimentAdmin
from conversations.generation_admin import GenerationAdmin
from conversations.holdings_admin import MemoryAdmin, PromptGroupAdmin, SharedLinkAdmin
from conversations.import_admin import ChatImportAdmin
from conversations.models import Conversation, Message
from conversations.opening_admin import ChatOpeningAdmin, chat_view
from conversations.people_admin import PersonAdmin
from conversations.services.conversations import delete_conversations
from librechat_backend.lib.admin import ModelAdmin

__all__ = [
    "ChatImportAdmin",
    "ChatOpeningAdmin",
    "ConversationAdmin",
    "ExperimentAdmin",
    "GenerationAdmin",
    "MemoryAdmin",
    "PersonAdmin",
    "PromptGroupAdmin",
    "SharedLinkAdmin",
]

SHOWN = (
    "conversation_id", "user", "endpoint", "model", "messages_stored", "is_archived", "is_pinned",
    "is_temporary", "created_at", "updated_at", "expired_at", "reading",
)  # fmt: skip


@admin.register(Conversation)
class ConversationAdmin(ModelAdmin[Conversation]):
    list_display = ("conversation_id", "user", "endpoint", "model", "messages_stored", "updated_at")
    list_filter = (
        "endpoint",
        "is_archived",
        "is_temporary",
        ("expired_at", admin.EmptyFieldListFilter),
    )
    list_select_related = ("user",)
    search_fields = ("conversation_id", "user__email")
    show_full_result_count = False
    fields = readonly_fields = SHOWN

    def get_queryset(self, request: HttpRequest) -> QuerySet[Conversation]:
        messages = Message.objects.filter(conversation=OuterRef("pk")).order_by()
        # A subquery is counted for the rows of the page alone; a join for the whole table.
        counts = messages.values("conversation").annotate(count=Count("pk")).values("count")
        return super().get_queryset(request).annotate(stored=Coalesce(Subquery(counts), 0))

    @admin.display(description="messages")
    def messages_stored(self, conversation: Any) -> int:
        return int(conversation.stored)

    @admin.display(description="what was said")
    def reading(self, conversation: Conversation) -> str:
        if not settings.ADMIN_SHOW_MESSAGE_CONTENT:
            return "Not shown here."
        url = reverse("admin:conversations_conversation_open", args=[conversation.pk])
        return format_html('<a class="text-primary-600" href="{}">Open the chat …</a>', url)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(chat_view)
        name = "conversations_conversation_open"
        return [path("<str:object_id>/open/", view, name=name), *super().get_urls()]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Conversation | None = None) -> bool:
        return False

    def delete_model(self, request: HttpRequest, obj: Conversation) -> None:
        delete_conversations(Conversation.objects.filter(pk=obj.pk))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Conversation]) -> None:
        ids = list(queryset.values_list("pk", flat=True))
        delete_conversations(Conversation.objects.filter(pk__in=ids))

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Counts without the long list; what belongs to a chat goes with it, unasked."""
        _, counts, _, protected = super().get_deleted_objects(objs, request)
        return [str(conversation) for conversation in objs], counts, set(), protected
