"""Messages a program stores itself, without a turn (contract 03 §7.4)."""

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import User
from conversations.models import Conversation, Message
from conversations.search import index_messages
from conversations.services.conversations import conversation_not_found
from librechat_backend.lib.errors import InvalidRequest
from librechat_backend.lib.ids import NO_PARENT
from librechat_backend.lib.json import JSONDict

SHARED_COLUMNS = ("endpoint", "model", "icon_url")


def save_message(*, user: User, conversation_id: str, fields: JSONDict) -> None:
    """Create the message ``fields`` names by its ``message_id``, or change the one there is.

    The conversation takes over its endpoint, model and icon. Raises NotFound, InvalidRequest for
    a parent that is not there and for an id that is used in another conversation.
    """
    try:
        with transaction.atomic():
            _save(user, conversation_id, fields)
    except IntegrityError as error:
        raise InvalidRequest("Message not saved", key="error") from error


def _save(user: User, conversation_id: str, fields: JSONDict) -> None:
    owned = Conversation.objects.owned_by(user).with_id(conversation_id)
    conversation = owned.lock_rows().first()
    if conversation is None:
        raise conversation_not_found()
    now = timezone.now()
    message = conversation.messages.filter(message_id=fields["message_id"]).first()
    if message is None:
        message = Message(
            conversation=conversation,
            user=user,
            parent_message_id=_parent(conversation, fields.get("parent_message_id", NO_PARENT)),
            is_temporary=conversation.is_temporary,
            expired_at=conversation.expired_at,
            created_at=now,
        )
    elif fields.get("parent_message_id", message.parent_message_id) != message.parent_message_id:
        raise InvalidRequest("Message not saved", key="error")  # the tree stays a tree
    for name, value in fields.items():
        setattr(message, name, value)
    message.updated_at = now
    message.save()
    index_messages([message])
    shared = {name: fields[name] for name in SHARED_COLUMNS if fields.get(name)}
    owned.update(**shared, updated_at=now)


def _parent(conversation: Conversation, parent_id: str) -> str:
    if parent_id != NO_PARENT and not conversation.messages.filter(message_id=parent_id).exists():
        raise InvalidRequest("Message not saved", key="error")
    return parent_id
