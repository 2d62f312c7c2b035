"""Reading somebody's chat in the administration: never without leaving a row."""

from django.conf import settings
from django.utils import timezone

from accounts.models import User
from conversations.models import ChatOpening, Conversation
from librechat_backend.lib.errors import Forbidden


def may_open_chats(user: User) -> bool:
    return bool(settings.ADMIN_SHOW_MESSAGE_CONTENT and user.is_active and user.is_superuser)


def open_chat(*, user: User, conversation: Conversation, reason: str) -> ChatOpening:
    """Note that ``user`` reads it, and why. Raises Forbidden."""
    if not may_open_chats(user) or not reason.strip():
        raise Forbidden("Chats are not shown here.")
    return ChatOpening.objects.create(
        conversation_id=conversation.conversation_id,
        owner_id=conversation.user_id,
        opened_by=user,
        reason=reason.strip(),
        message_count=conversation.messages.count(),
        created_at=timezone.now(),
    )
