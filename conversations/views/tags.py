"""Tags, which the client calls bookmarks (contract 03 §5)."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from accounts.permissions import Bit, PermissionType, require_permission
from conversations.models import Conversation, Tag
from conversations.models.tag import TAG_DESCRIPTION_MAX_LENGTH, TAG_MAX_LENGTH
from conversations.serializers.tag import tag_wire
from conversations.services import tags as services
from conversations.services.tags import tag_not_found
from conversations.views.requests import body_of, owner_of
from librechat_backend.lib.errors import InvalidRequest
from librechat_backend.lib.json import JSONDict, JSONValue

CONVERSATION_TAGS_MAX = 100
POSITION_MAX = 1_000_000


class BookmarkView(APIView):
    """Lets through whose role has bookmarks."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        require_permission(owner_of(request), PermissionType.BOOKMARKS, Bit.USE)


class TagsView(BookmarkView):
    def get(self, request: Request) -> Response:
        user = owner_of(request)
        counts = Conversation.objects.owned_by(user).tag_counts()
        rows = Tag.objects.owned_by(user).rows()
        return Response([tag_wire(row, count=counts[row["name"]]) for row in rows])

    def post(self, request: Request) -> Response:
        body = body_of(request)
        conversation_id = body.get("conversationId")
        is_attached = body.get("addToConversation") is True and isinstance(conversation_id, str)
        name = services.create_tag(
            user=owner_of(request),
            name=_name(body.get("tag")),
            description=_description(body) or "",
            conversation_id=conversation_id if is_attached else None,
        )
        return Response(_document(owner_of(request), name))


class TagView(BookmarkView):
    def put(self, request: Request, name: str) -> Response:
        body = body_of(request)
        name = services.update_tag(
            user=owner_of(request),
            name=name,
            new_name=_name(body["tag"]) if body.get("tag") is not None else None,
            description=_description(body),
            position=_position(body.get("position")),
        )
        return Response(_document(owner_of(request), name))

    def delete(self, request: Request, name: str) -> Response:
        document = _document(owner_of(request), name)
        services.delete_tag(user=owner_of(request), name=name)
        return Response(document)


class ConversationTagsView(BookmarkView):
    def put(self, request: Request, conversation_id: str) -> Response:
        names = body_of(request).get("tags")
        if not isinstance(names, list) or len(names) > CONVERSATION_TAGS_MAX:
            text = f"tags must be a list of at most {CONVERSATION_TAGS_MAX} names"
            raise InvalidRequest(text, key="error")
        tags = services.set_conversation_tags(
            user=owner_of(request),
            conversation_id=conversation_id,
            names=[_name(name) for name in names],
        )
        return Response(tags)


def _name(value: JSONValue) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > TAG_MAX_LENGTH:
        text = f"A tag is a text of at most {TAG_MAX_LENGTH} characters"
        raise InvalidRequest(text, key="error")
    return value


def _description(body: JSONDict) -> str | None:
    value = body.get("description")
    if value is not None and not isinstance(value, str):
        raise InvalidRequest("description must be a string", key="error")
    return None if value is None else value[:TAG_DESCRIPTION_MAX_LENGTH]


def _position(value: JSONValue) -> int | None:
    if value is None:
        return None
    if type(value) is not int or not 0 <= value <= POSITION_MAX:
        raise InvalidRequest("position must be a whole number of at least 0", key="error")
    return value


def _document(user: User, name: str) -> JSONDict:
    row = Tag.objects.owned_by(user).filter(name=name).rows().first()
    if row is None:
        raise tag_not_found()
    return tag_wire(row, count=Conversation.objects.owned_by(user).tagged([name]).count())
