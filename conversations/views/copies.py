"""Copies of conversations: fork, duplicate (contract 03 §3)."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from conversations.models import Message
from conversations.serializers.message import full_message_wire
from conversations.services import copies as services
from conversations.throttles import check_copy
from conversations.views.documents import require_document
from conversations.views.requests import body_of, owner_of
from librechat_backend.lib.errors import InvalidRequest
from librechat_backend.lib.json import JSONDict


class CopyView(APIView):
    """Lets through who has not made too many copies of this kind of late."""

    kind = "fork"

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        check_copy(request, self.kind)


class ForkView(CopyView):
    def post(self, request: Request) -> Response:
        body = body_of(request)
        user = owner_of(request)
        conversation_id = services.fork_conversation(
            user=user,
            conversation_id=_id(body, "conversationId"),
            message_id=_id(body, "messageId"),
            option=services.fork_option(body.get("option")),
            split_at_target=body.get("splitAtTarget") is True,
            latest_message_id=_id(body, "latestMessageId") if body.get("latestMessageId") else "",
        )
        return Response(copy_wire(user, conversation_id))


class DuplicateView(CopyView):
    def post(self, request: Request) -> Response:
        body = body_of(request)
        title = body.get("title")
        user = owner_of(request)
        conversation_id = services.duplicate_conversation(
            user=user,
            conversation_id=_id(body, "conversationId"),
            title=title if isinstance(title, str) else "",
        )
        return Response(copy_wire(user, conversation_id), status=201)


def _id(body: JSONDict, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidRequest(f"{name} is required", key="error")
    return value


def copy_wire(user: User, conversation_id: str) -> JSONDict:
    """The answer to every kind of copy: the new conversation, whole."""
    messages = Message.objects.of_conversation(user, conversation_id).rows()
    return {
        "conversation": require_document(user, conversation_id),
        "messages": [full_message_wire(row, user_id=user.pk) for row in messages],
    }
