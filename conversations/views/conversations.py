"""The conversations of the caller: list, read, rename, archive, pin, delete (contract 03 §2)."""

from typing import Any

from django.http import HttpResponse, QueryDict
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from conversations.models import Conversation
from conversations.querysets import ConversationQuerySet
from conversations.search import find_titles
from conversations.serializers.conversation import conversation_row_wire
from conversations.services import conversations as services
from conversations.services.conversations import Deletion
from conversations.views.documents import find_document, require_document
from conversations.views.requests import body_of, is_true, keyset, owner_of, page_size, without_nul
from librechat_backend.lib.errors import InvalidRequest
from librechat_backend.lib.ids import is_object_id
from librechat_backend.lib.json import JSONDict
from librechat_backend.lib.pagination import Key, parse_moment, parse_text

UNASSIGNED = "unassigned"  # what the client calls being in no project

_UPDATED = Key("updated_at", parse_moment)
_ID = Key("id", parse_text)
SORTS = {
    "title": (Key("title", parse_text), _UPDATED, _ID),
    "createdAt": (Key("created_at", parse_moment), _UPDATED, _ID),
    "updatedAt": (_UPDATED, _ID),
    "archivedAt": (Key("archived_sort", parse_moment), _UPDATED, _ID),
}


class ConversationsView(APIView):
    def get(self, request: Request) -> Response:
        query = request.query_params
        rows, next_cursor = keyset(query, SORTS, default="updatedAt").page(
            _chosen(owner_of(request), query).list_rows(),
            cursor=query.get("cursor", ""),
            limit=page_size(query.get("limit", "")),
        )
        conversations = [conversation_row_wire(row) for row in rows]
        return Response({"conversations": conversations, "nextCursor": next_cursor})

    def delete(self, request: Request) -> Response | HttpResponse:
        argument = _argument(request)
        if not argument.keys() & {"conversationId", "source", "thread_id", "endpoint"}:
            raise InvalidRequest("no parameters provided", key="error")
        if argument.get("source") == "button" and not argument.get("conversationId"):
            return HttpResponse("No conversationId provided", content_type="text/plain")
        deletion = services.delete_conversation(
            user=owner_of(request), conversation_id=_conversation_id(argument)
        )
        return Response(_deletion_wire(deletion), status=201)


class AllConversationsView(APIView):
    def delete(self, request: Request) -> Response:
        deletion = services.delete_all_conversations(user=owner_of(request))
        return Response(_deletion_wire(deletion), status=201)


class ConversationView(APIView):
    def get(self, request: Request, conversation_id: str) -> Response:
        document = find_document(owner_of(request), conversation_id)
        return Response(document, status=200 if document else 404)

    def patch(self, request: Request, conversation_id: str) -> Response:
        body = body_of(request)
        services.update_conversation(
            user=owner_of(request),
            conversation_id=conversation_id,
            title=_title(body) if "title" in body else None,
            is_archived=_boolean(body, "isArchived") if "isArchived" in body else None,
            is_pinned=_boolean(body, "pinned") if "pinned" in body else None,
        )
        return _changed(request, conversation_id)


class RenameView(APIView):
    def post(self, request: Request) -> Response:
        argument = _argument(request)
        conversation_id = _conversation_id(argument)
        services.update_conversation(
            user=owner_of(request), conversation_id=conversation_id, title=_title(argument)
        )
        return _changed(request, conversation_id, status=201)


class ArchiveView(APIView):
    def post(self, request: Request) -> Response:
        argument = _argument(request)
        conversation_id = _conversation_id(argument)
        services.update_conversation(
            user=owner_of(request),
            conversation_id=conversation_id,
            is_archived=_boolean(argument, "isArchived"),
        )
        return _changed(request, conversation_id)


class ArchiveAllView(APIView):
    def post(self, request: Request) -> Response:
        count = services.archive_all_conversations(user=owner_of(request))
        return Response({"archivedCount": count})


class PinView(APIView):
    def post(self, request: Request) -> Response:
        argument = _argument(request)
        conversation_id = _conversation_id(argument)
        _require(argument, "pinned")
        services.update_conversation(
            user=owner_of(request),
            conversation_id=conversation_id,
            is_pinned=_boolean(argument, "pinned"),
        )
        return _changed(request, conversation_id)


def _chosen(user: User, query: QueryDict) -> ConversationQuerySet:
    """Those of ``user`` that a list's query names (contract 03 §2.1). Raises InvalidRequest."""
    is_archived = is_true(query.get("isArchived", ""))
    chosen = Conversation.objects.owned_by(user).listed().archived(is_archived)
    if is_true(query.get("pinned", "")):
        chosen = chosen.filter(is_pinned=True)
    if tags := [without_nul(tag) for tag in query.getlist("tags")]:
        chosen = chosen.tagged(tags)
    if search := without_nul(query.get("search", "")).strip():
        chosen = chosen.found(find_titles(user, search), search)
    return _in_project(chosen, query.get("projectId", ""))


def _in_project(conversations: ConversationQuerySet, project_id: str) -> ConversationQuerySet:
    """Of one project, of none, or, without an id, whatever theirs is. Raises InvalidRequest."""
    if not project_id:
        return conversations
    if project_id == UNASSIGNED:
        return conversations.in_project(None)
    if not is_object_id(project_id):
        raise InvalidRequest("projectId must be a valid project id or unassigned", key="error")
    return conversations.in_project(project_id)


def _argument(request: Request) -> JSONDict:
    """What the client wraps as ``{"arg": {…}}``."""
    argument = body_of(request).get("arg")
    return argument if isinstance(argument, dict) else {}


def _conversation_id(argument: JSONDict) -> str:
    conversation_id = argument.get("conversationId")
    if not isinstance(conversation_id, str) or not conversation_id:
        raise InvalidRequest("conversationId is required", key="error")
    return conversation_id


def _require(argument: JSONDict, name: str) -> None:
    if argument.get(name) is None:
        raise InvalidRequest(f"{name} is required", key="error")


def _title(argument: JSONDict) -> str:
    _require(argument, "title")
    title: Any = argument["title"]
    if not isinstance(title, str):
        raise InvalidRequest("title must be a string", key="error")
    return title


def _boolean(argument: JSONDict, name: str) -> bool:
    value: Any = argument.get(name)
    if not isinstance(value, bool):
        raise InvalidRequest(f"{name} must be a boolean", key="error")
    return value


def _changed(request: Request, conversation_id: str, status: int = 200) -> Response:
    return Response(require_document(owner_of(request), conversation_id), status=status)


def _deletion_wire(deletion: Deletion) -> JSONDict:
    """Contract 03 §2.8."""
    return {
        "acknowledged": True,
        "deletedCount": len(deletion.conversation_ids),
        "messages": {"acknowledged": True, "deletedCount": deletion.message_count},
        "conversationIds": deletion.conversation_ids,
    }
