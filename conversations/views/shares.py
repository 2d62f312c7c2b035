"""Shared links (contract 03 §9)."""

from django.conf import settings
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import AllowAny, BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import BearerAuthentication, OptionalBearerAuthentication
from accounts.models import User
from accounts.permissions import Bit, PermissionType, require_permission
from conversations.models import SharedLink
from conversations.search import find_titles
from conversations.serializers.share import (
    opened_link_wire,
    own_link_wire,
    shared_link_row_wire,
    shared_link_wire,
)
from conversations.services import continuing, links, revoking
from conversations.sharing import content_of, open_link, shared_rows
from conversations.views.copies import CopyView, copy_wire
from conversations.views.requests import body_of, owner_of, page_size, without_nul
from librechat_backend.lib.errors import Forbidden, InvalidRequest
from librechat_backend.lib.json import JSONDict
from librechat_backend.lib.pagination import Key, Keyset, parse_moment, parse_text

LIST_PAGE_SIZE = 10
SEARCH_MAX_LENGTH = 256
NOT_STORED = {"Cache-Control": "private, no-store"}

_ID = Key("id", parse_text)
_BY_AGE = (Key("created_at", parse_moment), _ID)
SORTS = {"title": (Key("title", parse_text), _ID)}


class SharedLinksView(APIView):
    def get(self, request: Request) -> Response:
        query = request.query_params
        own = SharedLink.objects.owned_by(owner_of(request)).current()
        if search := _search(query.get("search", "")):
            own = own.found(find_titles(owner_of(request), search), search)
        keyset = Keyset(
            SORTS.get(query.get("sortBy", ""), _BY_AGE),
            is_descending=query.get("sortDirection") != "asc",
        )
        rows, next_cursor = keyset.page(
            own.rows(),
            cursor=_cursor(keyset, query.get("cursor", "")),
            limit=page_size(query.get("pageSize", ""), LIST_PAGE_SIZE),
        )
        page = {"nextCursor": next_cursor, "hasNextPage": next_cursor is not None}
        return Response({"links": [shared_link_row_wire(row) for row in rows], **page})


class ConversationLinkView(APIView):
    def get(self, request: Request, conversation_id: str) -> Response:
        own = SharedLink.objects.owned_by(owner_of(request)).current()
        row = own.of_conversation(conversation_id).rows().first()
        return Response(own_link_wire(row, conversation_id=conversation_id))


class OpenedView(APIView):
    """For those who open a link: signed in or not, ``open_link`` decides."""

    authentication_classes = (OptionalBearerAuthentication,)
    permission_classes = (AllowAny,)


class SharedLinkView(OpenedView):
    """Anybody may ask to read; the rest is for those who are signed in.

    A new link is made under the id of the conversation, the others name the link.
    """

    def get_authenticators(self) -> list[BaseAuthentication]:
        return super().get_authenticators() if self._is_read() else [BearerAuthentication()]

    def get_permissions(self) -> list[BasePermission]:
        return [AllowAny() if self._is_read() else IsAuthenticated()]

    def _is_read(self) -> bool:
        return self.request.method == "GET"

    def get(self, request: Request, share_id: str) -> Response:
        link = open_link(_viewer(request), share_id)
        document = opened_link_wire(link.as_row(), shared_rows(link), content_of(link))
        return Response(document, headers=NOT_STORED)

    def post(self, request: Request, share_id: str) -> Response:
        link = links.create_link(
            user=_sharer(request), conversation_id=share_id, **_choices(body_of(request))
        )
        return Response(shared_link_wire(link.as_row()))

    def patch(self, request: Request, share_id: str) -> Response:
        user = _sharer(request)
        link = links.update_link(user=user, share_id=share_id, **_choices(body_of(request)))
        return Response(shared_link_wire(link.as_row()))

    def delete(self, request: Request, share_id: str) -> Response:
        link_id = revoking.delete_own_link(user=owner_of(request), share_id=share_id)
        text = "Share deleted successfully"
        return Response({"_id": link_id, "success": True, "shareId": share_id, "message": text})


class SharedLinkConfigView(OpenedView):
    def get(self, request: Request, share_id: str) -> Response:
        open_link(_viewer(request), share_id)
        footer = {"customFooter": settings.CUSTOM_FOOTER} if settings.CUSTOM_FOOTER else {}
        return Response({"appTitle": settings.APP_TITLE, **footer}, headers=NOT_STORED)


class ContinueView(CopyView):
    """Make a shared chat one's own and go on with it (§9.10)."""

    kind = "share-fork"

    def post(self, request: Request, share_id: str) -> Response:
        user, body = owner_of(request), body_of(request)
        revision, index = body.get("shareRevision"), body.get("targetMessageIndex")
        conversation_id = continuing.continue_shared(
            user=user,
            link=open_link(user, share_id),
            revision=None if revision is None else str(revision),
            index=index if type(index) is int else None,
        )
        return Response(copy_wire(user, conversation_id), status=201)


def _viewer(request: Request) -> User | None:
    return request.user if isinstance(request.user, User) else None


def _sharer(request: Request) -> User:
    """The caller, who may share chats. Raises Forbidden."""
    user = owner_of(request)
    require_permission(user, PermissionType.SHARED_LINKS, Bit.CREATE)
    if not settings.ALLOW_SHARED_LINKS:
        raise Forbidden("Shared links are switched off")
    return user


def _choices(body: JSONDict) -> JSONDict:
    """What of ``target_message_id`` and ``snapshot_files`` is given."""
    target, files = body.get("targetMessageId"), body.get("snapshotFiles")
    if target is not None and (not isinstance(target, str) or not target):
        raise InvalidRequest("targetMessageId must be a non-empty string")
    if files is not None and not isinstance(files, bool):
        raise InvalidRequest("snapshotFiles must be a boolean")
    chosen = {"target_message_id": target, "snapshot_files": files}
    return {name: value for name, value in chosen.items() if value is not None}


def _search(text: str) -> str:
    if len(text) > SEARCH_MAX_LENGTH:
        raise InvalidRequest(f"search must be {SEARCH_MAX_LENGTH} characters or fewer")
    return without_nul(text).strip()


def _cursor(keyset: Keyset, text: str) -> str:
    if text and keyset.decode(text) is None:
        raise InvalidRequest("cursor is not valid for this sort")
    return text
