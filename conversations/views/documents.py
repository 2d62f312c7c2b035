"""The full document of a conversation, as several endpoints answer it (contract 03 §1.1)."""

from accounts.models import User
from conversations.models import Conversation, Message
from conversations.serializers.conversation import conversation_wire
from conversations.services.conversations import conversation_not_found
from librechat_backend.lib.json import JSONDict


def find_document(user: User, conversation_id: str) -> JSONDict | None:
    """Of a conversation of ``user``; two queries."""
    row = Conversation.objects.owned_by(user).with_id(conversation_id).rows().first()
    if row is None:
        return None
    messages = Message.objects.of_conversation(user, conversation_id)
    return conversation_wire(row, messages=list(messages.values_list("id", flat=True)))


def require_document(user: User, conversation_id: str) -> JSONDict:
    """Raises NotFound."""
    document = find_document(user, conversation_id)
    if document is None:
        raise conversation_not_found()
    return document
