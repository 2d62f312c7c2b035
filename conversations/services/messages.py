"""Changes to messages: edit, delete, rate (contract 03 §7)."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from conversations.models import Conversation, Message
from conversations.services.conversations import conversation_not_found
from librechat_backend.lib.errors import InvalidRequest, NotFound
from librechat_backend.lib.json import JSONDict
from providers.tokens import estimate_tokens

FEEDBACK_TAGS = {
    "thumbsUp": {
        "accurate_reliable", "creative_solution", "clear_well_written", "attention_to_detail",
    },
    "thumbsDown": {
        "not_matched", "inaccurate", "bad_style", "missing_image", "unjustified_refusal",
        "not_helpful", "other",
    },
}  # fmt: skip
FEEDBACK_TEXT_MAX_LENGTH = 1024
EDITABLE_PARTS = {"text", "think"}


@transaction.atomic
def edit_text(*, user: User, conversation_id: str, message_id: str, text: str) -> None:
    """Replace the whole text and count its tokens again. Raises NotFound."""
    message = _lock(user, conversation_id, message_id)
    message.text = text
    message.token_count = estimate_tokens("\n".join([*message.quotes, text]))
    _save(message, "text", "token_count")


@transaction.atomic
def edit_part(*, user: User, conversation_id: str, message_id: str, index: int, text: str) -> None:
    """Replace the text of one content part. Raises NotFound, InvalidRequest."""
    message = _lock(user, conversation_id, message_id)
    part = _editable_part(message.content, index)
    before = _part_text(part)
    _set_part_text(part, text)
    if message.token_count is not None:
        change = estimate_tokens(text) - estimate_tokens(before)
        message.token_count = max(0, message.token_count + change)
    _save(message, "content", "token_count")


def _editable_part(content: Any, index: int) -> JSONDict:
    if index < 0:
        raise InvalidRequest("Invalid index", key="error")
    if not isinstance(content, list) or index >= len(content):
        raise InvalidRequest("Content part not found", key="error")
    part = content[index]
    if not isinstance(part, dict) or part.get("type") not in EDITABLE_PARTS:
        raise InvalidRequest("Cannot update non-text content", key="error")
    return part


def _part_text(part: JSONDict) -> str:
    text = part.get(part["type"])
    return str((text.get("value") if isinstance(text, dict) else text) or "")


def _set_part_text(part: JSONDict, text: str) -> None:
    """A structured text keeps its annotations (contract 03 §1.2)."""
    name = part["type"]
    structured = part.get(name)
    part[name] = {**structured, "value": text} if isinstance(structured, dict) else text


def rate_message(
    *, user: User, conversation_id: str, message_id: str, feedback: JSONDict | None
) -> None:
    """Set or, with None, clear the feedback. Raises InvalidRequest, NotFound."""
    if feedback is not None and not is_feedback(feedback):
        raise InvalidRequest("Invalid feedback", key="error")
    messages = Message.objects.of_conversation(user, conversation_id).with_id(message_id)
    if not messages.update(feedback=feedback, updated_at=timezone.now()):
        raise message_not_found()


def is_feedback(feedback: JSONDict) -> bool:
    """Whether rating, tag and text fit each other (contract 03 §7.6)."""
    rating, tag, text = feedback.get("rating"), feedback.get("tag"), feedback.get("text", "")
    if not (isinstance(rating, str) and isinstance(tag, str) and isinstance(text, str)):
        return False
    is_known = tag in FEEDBACK_TAGS.get(rating, set()) and feedback.keys() <= {
        "rating",
        "tag",
        "text",
    }
    return is_known and len(text) <= FEEDBACK_TEXT_MAX_LENGTH


def delete_message(*, user: User, conversation_id: str, message_id: str) -> None:
    """Delete one message, if it is there; its children stay, and become roots on display."""
    Message.objects.of_conversation(user, conversation_id).with_id(message_id).delete()


def require_conversation(*, user: User, conversation_id: str) -> None:
    """Raises NotFound for what is not there or not the user's (contract 03 §7)."""
    if not Conversation.objects.owned_by(user).with_id(conversation_id).exists():
        raise conversation_not_found()


def message_not_found() -> NotFound:
    return NotFound("Message not found", key="error")


def _lock(user: User, conversation_id: str, message_id: str) -> Message:
    messages = Message.objects.of_conversation(user, conversation_id).with_id(message_id)
    message = messages.lock_rows().first()
    if message is None:
        raise message_not_found()
    return message


def _save(message: Message, *fields: str) -> None:
    message.updated_at = timezone.now()
    message.save(update_fields=[*fields, "updated_at"])
