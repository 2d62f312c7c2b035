"""Reading a chat in the administration, where the operator allows it, and the record of that."""

from typing import cast

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from accounts.models import User
from conversations.message_text import message_text
from conversations.models import ChatOpening, Conversation
from conversations.models.opening import REASON_MAX_LENGTH
from conversations.services.openings import may_open_chats, open_chat
from librechat_backend.lib import admin as theme

SHOWN_MESSAGES = 500


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label="Why do you have to read this chat?",
        help_text="It is kept with your name, where every administrator sees it.",
        max_length=REASON_MAX_LENGTH,
        widget=theme.TextInput(),
    )


def chat_view(request: HttpRequest, object_id: str) -> HttpResponse:
    """Asks why; a POST that says so leaves a row, then shows what was said."""
    user = cast(User, request.user)
    if not may_open_chats(user):
        raise PermissionDenied
    conversation = get_object_or_404(Conversation.objects.select_related("user"), pk=object_id)
    form = ReasonForm(request.POST or None)
    messages = None
    if request.method == "POST" and form.is_valid():
        open_chat(user=user, conversation=conversation, reason=form.cleaned_data["reason"])
        messages = _messages(conversation)
    context = {
        **admin.site.each_context(request),
        "title": f"Chat of {conversation.user}",
        "conversation": conversation,
        "form": form,
        "messages_shown": messages,
        "limit": SHOWN_MESSAGES,
        "opts": Conversation._meta,
    }
    return render(request, "admin/open_chat.html", context)


def _messages(conversation: Conversation) -> list[dict[str, object]]:
    rows = conversation.messages.order_by("created_at", "id").rows()[:SHOWN_MESSAGES]
    return [
        {
            "sender": row["sender"],
            "created_at": row["created_at"],
            "text": message_text(row["text"], row["content"]),
        }
        for row in rows
    ]


@admin.register(ChatOpening)
class ChatOpeningAdmin(theme.ModelAdmin[ChatOpening]):
    """Who read whose chat, when and why. Nobody changes it here."""

    list_display = ("created_at", "opened_by", "owner", "conversation_id", "reason")
    list_select_related = ("opened_by", "owner")
    search_fields = ("owner__email", "opened_by__email", "conversation_id", "reason")
    fields = readonly_fields = (
        "created_at", "opened_by", "owner", "conversation_id", "message_count", "reason",
    )  # fmt: skip

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: ChatOpening | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ChatOpening | None = None) -> bool:
        return False
