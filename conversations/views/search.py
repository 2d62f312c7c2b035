"""Search in messages (contract 03 §8)."""

from django.http import QueryDict
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from conversations.models import Message
from conversations.search import HITS_MAX, find_messages
from conversations.serializers.message import found_message_wire, message_wire
from conversations.views.requests import keyset, owner_of, page_size, without_nul
from librechat_backend.lib.json import JSONDict
from librechat_backend.lib.pagination import Key, parse_moment, parse_text


class SearchEnabledView(APIView):
    def get(self, request: Request) -> Response:
        return Response(True)


_ID = Key("id", parse_text)
SORTS = {
    "createdAt": (Key("created_at", parse_moment), _ID),
    "updatedAt": (Key("updated_at", parse_moment), _ID),
    "endpoint": (Key("endpoint", parse_text), _ID),
}


class MessageSearchView(APIView):
    """Search, or, with ``conversationId``, the messages of a chat page by page (contract 03 §7.9).

    Without either nothing is found.
    """

    def get(self, request: Request) -> Response:
        query = request.query_params
        if conversation_id := without_nul(query.get("conversationId", "")):
            messages, cursor = _page(owner_of(request), conversation_id, query)
        else:
            search = without_nul(query.get("search", ""))
            messages, cursor = _found(owner_of(request), search), None
        return Response({"messages": messages, "nextCursor": cursor})


def _page(user: User, conversation_id: str, query: QueryDict) -> tuple[list[JSONDict], str | None]:
    """The newest first unless the query says otherwise. Raises InvalidRequest."""
    messages = Message.objects.of_conversation(user, conversation_id)
    if message_id := without_nul(query.get("messageId", "")):
        messages = messages.with_id(message_id)
    rows, cursor = keyset(query, SORTS, default="createdAt").page(
        messages.rows(),
        cursor=query.get("cursor", ""),
        limit=page_size(query.get("pageSize", "")),
    )
    return [message_wire(row) for row in rows], cursor


def _found(user: User, search: str) -> list[JSONDict]:
    """At most HITS_MAX messages, newest first."""
    ids = find_messages(user, search)
    # By their keys alone: told the owner as well, SQLite reads all messages there are of his.
    rows = {row["id"]: row for row in Message.objects.shown().found_rows(ids)}
    shown = [rows[id_] for id_ in ids if id_ in rows and rows[id_]["user_id"] == user.pk]
    return [found_message_wire(row) for row in shown[:HITS_MAX]]
