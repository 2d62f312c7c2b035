"""Changes to messages: edit, copy, rate, delete (contract 03 §7)."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from conversations import artifacts
from conversations.models import Conversation, Message
from conversations.search import index_messages, remove_messages
from conversations.services.conversations import conversation_not_found
from librechat_backend.lib.errors import InvalidRequest, NotFound
from librechat_backend.lib.ids import new_uuid
from librechat_backend.lib.json import JSONDict
from librechat_backend.lib.pagination import MAX_COUNT
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
        message.token_count = min(max(0, message.token_count + change), MAX_COUNT)
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


@transaction.atomic
def edit_artifact(*, user: User, message_id: str, index: int, original: str, updated: str) -> None:
    """Replace text inside one artifact (contract 03 §7.7). Raises NotFound, InvalidRequest."""
    _lock_conversations(user, messages__message_id=message_id)
    message = Message.objects.owned_by(user).with_id(message_id).lock_rows().first()
    if message is None:
        raise message_not_found()
    try:
        message.content, message.text = artifacts.edit_artifact(
            message.content, message.text, index=index, original=original, updated=updated
        )
    except artifacts.ArtifactMissing as error:
        raise InvalidRequest("Artifact index out of bounds", key="error") from error
    except artifacts.OriginalMissing as error:
        text = "Original content not found in target artifact"
        raise InvalidRequest(text, key="error") from error
    _save(message, "content", "text")


@transaction.atomic
def copy_agent_answer(*, user: User, message_id: str, agent_id: str) -> str:
    """Keep one agent's part of a parallel answer as a sibling; the id of the new message.

    Contract 03 §7.8. Raises NotFound, InvalidRequest.
    """
    source = Message.objects.owned_by(user).with_id(message_id).first()
    # The lock keeps the conversation from being deleted under the new message.
    if source is None or not Conversation.objects.filter(pk=source.conversation_id).lock_rows():
        raise message_not_found()
    now = timezone.now()
    answer = Message.objects.create(
        message_id=new_uuid(),
        conversation_id=source.conversation_id,
        user=user,
        parent_message_id=source.parent_message_id,
        content=_parts_of_agent(source, agent_id),
        sender=source.sender,
        endpoint=source.endpoint,
        model=source.model,
        icon_url=source.icon_url,
        attachments=source.attachments,
        is_temporary=source.is_temporary,
        expired_at=source.expired_at,
        created_at=now,
        updated_at=now,
    )
    index_messages([answer])
    return answer.message_id


def _parts_of_agent(source: Message, agent_id: str) -> list[JSONDict]:
    if source.is_created_by_user or not isinstance(source.content, list):
        raise InvalidRequest("Only an answer made of parts can be branched", key="error")
    parts = [
        {name: value for name, value in part.items() if name not in {"agentId", "groupId"}}
        for part in source.content
        if part.get("agentId") == agent_id
    ]
    if not parts:
        raise InvalidRequest("The answer has no part of this agent", key="error")
    return parts


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


@transaction.atomic
def delete_message(*, user: User, conversation_id: str, message_id: str) -> None:
    """Delete one message, if it is there; its children stay, and become roots on display."""
    _lock_conversations(user, conversation_id=conversation_id)
    messages = Message.objects.of_conversation(user, conversation_id).with_id(message_id)
    remove_messages(messages.values_list("pk", flat=True))
    messages.delete()


def require_conversation(*, user: User, conversation_id: str) -> None:
    """Raises NotFound for what is not there or not the user's (contract 03 §7)."""
    if not Conversation.objects.owned_by(user).with_id(conversation_id).exists():
        raise conversation_not_found()


def message_not_found() -> NotFound:
    return NotFound("Message not found", key="error")


def _lock_conversations(user: User, **which: str) -> None:
    """Before their messages, as a deletion does, which must not meet a change in a deadlock."""
    list(Conversation.objects.owned_by(user).filter(**which).lock_rows().values_list("pk"))


def _lock(user: User, conversation_id: str, message_id: str) -> Message:
    _lock_conversations(user, conversation_id=conversation_id)
    messages = Message.objects.of_conversation(user, conversation_id).with_id(message_id)
    message = messages.lock_rows().first()
    if message is None:
        raise message_not_found()
    return message


def _save(message: Message, *fields: str) -> None:
    message.updated_at = timezone.now()
    message.save(update_fields=[*fields, "updated_at"])
    index_messages([message])
