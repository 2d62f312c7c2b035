"""The message a turn answers: a new one, or one that is answered again."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from conversations import often
from conversations.chat.request import Edit, TurnRequest
from conversations.columns import is_parallel
from conversations.models import Conversation, Message
from conversations.search import indexing_new
from files.serializers import attached_wire
from files.services.using import use_files
from librechat_backend.lib.errors import Conflict, InvalidRequest, NotFound
from librechat_backend.lib.ids import NO_PARENT, new_uuid
from librechat_backend.lib.json import JSONDict
from librechat_backend.lib.together import Statement
from providers.tokens import estimate_tokens


def question_of(
    conversation: Conversation, request: TurnRequest, now: datetime, parent: Sequence[str]
) -> tuple[Message, list[JSONDict], list[Statement[Any]]]:
    """The message to answer, the content parts the answer begins with, and what stores a new one.
    ``parent``: the key of the message that is named as such, where there is one.

    Raises NotFound, Conflict or InvalidRequest for what is not there. Inside a transaction.
    """
    if request.answered_message_id is None:
        new = _new_message(conversation, request, now, parent)
        return new, [], [often.new_message.inserting(new), *indexing_new(new)]
    message = conversation.messages.filter(
        message_id=request.answered_message_id, is_created_by_user=True
    ).first()
    if message is None:
        raise NotFound("The message to answer again was not found.", key="error")
    return message, _retained_parts(conversation, request, message), []


def _new_message(
    conversation: Conversation, request: TurnRequest, now: datetime, parent: Sequence[str]
) -> Message:
    message_id = new_uuid()
    return Message(
        message_id=message_id,
        conversation=conversation,
        user_id=conversation.user_id,
        parent_message_id=_parent_id(conversation, request.parent_message_id, parent),
        is_created_by_user=True,
        sender="User",
        text=request.text,
        endpoint=request.endpoint,
        quotes=list(request.quotes),
        files=_attached_files(conversation, request, message_id),
        token_count=estimate_tokens(request.text),
        is_temporary=conversation.is_temporary,
        expired_at=conversation.expired_at,
        created_at=now,
        updated_at=now,
    )


def _attached_files(
    conversation: Conversation, request: TurnRequest, message_id: str
) -> list[JSONDict]:
    """As the message keeps them: what the client says of a file is little, and not believed."""
    if not request.file_ids:
        return []
    files = use_files(
        user=conversation.user,
        file_ids=request.file_ids,
        endpoint=conversation.endpoint,
        endpoint_type=conversation.endpoint_type,
        conversation_id=conversation.conversation_id,
        message_id=message_id,
    )
    return [attached_wire(file) for file in files]


def _parent_id(conversation: Conversation, parent_id: str, found: Sequence[str]) -> str:
    """The stored parent. The client's placeholder ``<user message id>_`` stands for its answer.

    Raises Conflict for a placeholder nobody knows (contract 06 §5.7), NotFound for other ids.
    """
    if parent_id == NO_PARENT or found:
        return parent_id
    if not parent_id.endswith("_"):
        raise NotFound("The parent message was not found in this conversation.", key="error")
    question_id = parent_id.rstrip("_")
    messages = conversation.messages.all()
    answer = messages.filter(parent_message_id=question_id, is_created_by_user=False).last()
    if answer is not None:
        return answer.message_id
    raise Conflict("The selected parent response is still being saved; try again.", key="error")


def _retained_parts(
    conversation: Conversation, request: TurnRequest, question: Message
) -> list[JSONDict]:
    if request.edit is None and not request.is_continued:
        return []
    answers = conversation.messages.filter(
        parent_message_id=question.message_id, is_created_by_user=False
    )
    answer = answers.filter(message_id=request.replaced_answer_id).first() or answers.last()
    parts: list[JSONDict] = (answer.content or []) if answer else []
    if request.edit:
        return _edited(parts, request.edit)
    return [] if is_parallel(parts) else parts  # nobody knows which column is to go on


def _edited(parts: list[JSONDict], edit: Edit) -> list[JSONDict]:
    """All parts, the edited one rewritten: the client counts on them (contract 02 §10.3)."""
    if edit.index >= len(parts):
        raise InvalidRequest("Content part not found", key="error")
    part = parts[edit.index]
    if part["type"] != edit.kind:
        raise InvalidRequest("Cannot update non-text content", key="error")
    return [*parts[: edit.index], {**part, edit.kind: edit.text}, *parts[edit.index + 1 :]]
