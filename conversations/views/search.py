"""Search in messages (contract 03 §8)."""

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from conversations.models import Message
from conversations.search import HITS_MAX, find_messages
from conversations.serializers.message import found_message_wire
from conversations.views.requests import owner_of, without_nul
from librechat_backend.lib.json import JSONDict


class SearchEnabledView(APIView):
    def get(self, request: Request) -> Response:
        return Response(True)


class MessageSearchView(APIView):
    """Without ``search`` nothing is found; the client uses no other form (contract 03 §7.9)."""

    def get(self, request: Request) -> Response:
        search = without_nul(request.query_params.get("search", ""))
        return Response({"messages": _found(owner_of(request), search), "nextCursor": None})


def _found(user: User, search: str) -> list[JSONDict]:
    """At most HITS_MAX messages, newest first."""
    ids = find_messages(user, search)
    rows = {row["id"]: row for row in Message.objects.owned_by(user).shown().found_rows(ids)}
    shown = [rows[id_] for id_ in ids if id_ in rows]
    return [found_message_wire(row) for row in shown[:HITS_MAX]]
