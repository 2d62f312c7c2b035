"""The messages of a conversation: list, read, edit, delete, rate (contract 03 §7)."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from conversations.models import Message
from conversations.serializers.message import (
    artifact_wire,
    edited_message_wire,
    feedback_wire,
    full_message_wire,
    message_wire,
)
from conversations.serializers.message_input import parse_message
from conversations.services import messages as services
from conversations.services.messages import message_not_found, require_conversation
from conversations.services.saved_messages import save_message
from conversations.views.requests import body_of, owner_of
from librechat_backend.lib.errors import InvalidRequest
from librechat_backend.lib.json import JSONDict

NEW_CHAT_ID = "new"  # what the client calls a conversation that is not stored yet


class MessagesView(APIView):
    def get(self, request: Request, conversation_id: str) -> Response:
        if conversation_id == NEW_CHAT_ID:
            return Response([])
        user = owner_of(request)
        rows = Message.objects.of_conversation(user, conversation_id).rows()
        messages = [message_wire(row) for row in rows]
        if not messages:
            require_conversation(user=user, conversation_id=conversation_id)
        return Response(messages)

    def post(self, request: Request, conversation_id: str) -> Response:
        user, body = owner_of(request), body_of(request)
        _require_same_conversation(body, conversation_id)
        require_conversation(user=user, conversation_id=conversation_id)
        fields = parse_message(body)
        save_message(user=user, conversation_id=conversation_id, fields=fields)
        row = _row(request, conversation_id, fields["message_id"])
        return Response(full_message_wire(row, user_id=user.pk), status=201)


class BranchView(APIView):
    def post(self, request: Request) -> Response:
        body = body_of(request)
        source_id, agent_id = body.get("messageId"), body.get("agentId")
        if not (
            isinstance(source_id, str) and isinstance(agent_id, str) and source_id and agent_id
        ):
            raise InvalidRequest("messageId and agentId are required", key="error")
        user = owner_of(request)
        message_id = services.copy_agent_answer(user=user, message_id=source_id, agent_id=agent_id)
        row = Message.objects.owned_by(user).with_id(message_id).rows().get()
        return Response(message_wire(row), status=201)


class ArtifactView(APIView):
    def post(self, request: Request, message_id: str) -> Response:
        user = owner_of(request)
        edit = _artifact_edit(body_of(request))
        services.edit_artifact(user=user, message_id=message_id, **edit)
        row = Message.objects.owned_by(user).with_id(message_id).rows().get()
        return Response(artifact_wire(row))


class ConversationGuard(APIView):
    """Lets through what names one conversation, and one of the caller's (contract 03 §7)."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        conversation_id = kwargs["conversation_id"]
        _require_same_conversation(body_of(request), conversation_id)
        require_conversation(user=owner_of(request), conversation_id=conversation_id)


class MessageView(ConversationGuard):
    def get(self, request: Request, conversation_id: str, message_id: str) -> Response:
        messages = Message.objects.of_conversation(owner_of(request), conversation_id)
        return Response([message_wire(row) for row in messages.with_id(message_id).rows()])

    def put(self, request: Request, conversation_id: str, message_id: str) -> Response:
        body = body_of(request)
        where: JSONDict = {
            "user": owner_of(request),
            "conversation_id": conversation_id,
            "message_id": message_id,
        }
        if body.get("index") is None:
            services.edit_text(**where, text=_text(body))
        else:
            services.edit_part(**where, text=_text(body), index=_index(body))
        return Response(edited_message_wire(_row(request, conversation_id, message_id)))

    def delete(self, request: Request, conversation_id: str, message_id: str) -> Response:
        services.delete_message(
            user=owner_of(request), conversation_id=conversation_id, message_id=message_id
        )
        return Response(status=204)


class FeedbackView(ConversationGuard):
    def put(self, request: Request, conversation_id: str, message_id: str) -> Response:
        services.rate_message(
            user=owner_of(request),
            conversation_id=conversation_id,
            message_id=message_id,
            feedback=_feedback(body_of(request)),
        )
        return Response(feedback_wire(_row(request, conversation_id, message_id)))


def _require_same_conversation(body: JSONDict, conversation_id: str) -> None:
    if body.get("conversationId", conversation_id) != conversation_id:
        raise InvalidRequest("Conversation ID mismatch", key="error")


def _text(body: JSONDict) -> str:
    text = body.get("text")
    if not isinstance(text, str):
        raise InvalidRequest("text must be a string", key="error")
    return text


def _index(body: JSONDict) -> int:
    index = body["index"]
    if not isinstance(index, int) or isinstance(index, bool):
        raise InvalidRequest("Invalid index", key="error")
    return index


def _artifact_edit(body: JSONDict) -> JSONDict:
    """``index``, ``original`` and ``updated``."""
    index, original, updated = body.get("index"), body.get("original"), body.get("updated")
    is_number = isinstance(index, int) and not isinstance(index, bool) and index >= 0
    if not (is_number and isinstance(original, str) and isinstance(updated, str)):
        raise InvalidRequest("Invalid request parameters", key="error")
    return {"index": index, "original": original, "updated": updated}


def _feedback(body: JSONDict) -> JSONDict | None:
    """None clears it; an empty object does too."""
    feedback = body.get("feedback") or None
    if feedback is not None and not isinstance(feedback, dict):
        raise InvalidRequest("Invalid feedback", key="error")
    return feedback


def _row(request: Request, conversation_id: str, message_id: str) -> dict[str, Any]:
    messages = Message.objects.of_conversation(owner_of(request), conversation_id)
    row = messages.with_id(message_id).rows().first()
    if row is None:
        raise message_not_found()
    return row
