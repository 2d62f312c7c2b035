"""Files of shared links (contract 03 §9.9). Coroutine views.

Whoever may open the link may open them. Pictures in a page carry no token, so the cookie of the
session speaks for the person, too.
"""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from accounts import cookies
from accounts.authentication import bearer_token, user_for_token
from accounts.models import User
from accounts.services.bans import Banned
from accounts.services.sessions import InvalidRefreshToken, SessionNotFound, person_of_session
from conversations.sharing import open_link, shared_file
from files import serving
from files.models import File
from files.serializers import preview_wire
from files.views.requests import allow
from librechat_backend.lib.aio import in_database
from librechat_backend.lib.errors import NotAuthenticated
from librechat_backend.lib.rest import json_response


async def show(request: HttpRequest, share_id: str, file_id: str) -> HttpResponseBase:
    return await _send(request, share_id, file_id, is_inline=True)


async def download(request: HttpRequest, share_id: str, file_id: str) -> HttpResponseBase:
    return await _send(request, share_id, file_id, is_inline=False)


async def preview(request: HttpRequest, share_id: str, file_id: str) -> HttpResponse:
    allow(request, "GET", "HEAD")
    file = await in_database(_find, request, share_id, file_id)
    response = json_response(preview_wire(file))
    response["Cache-Control"] = "private, no-store"
    return response


async def _send(
    request: HttpRequest, share_id: str, file_id: str, *, is_inline: bool
) -> HttpResponseBase:
    allow(request, "GET", "HEAD")
    file = await in_database(_find, request, share_id, file_id)
    is_direct = settings.S3_DIRECT_DOWNLOADS and request.GET.get("direct") == "true"
    return await serving.respond(request, file, is_inline=is_inline, allows_redirect=is_direct)


def _find(request: HttpRequest, share_id: str, file_id: str) -> File:
    return shared_file(open_link(_viewer(request), share_id), file_id)


def _viewer(request: HttpRequest) -> User | None:
    """Who asks, by token or cookie; an unusable one counts as none."""
    try:
        if "Authorization" in request.headers:
            return user_for_token(bearer_token(request))
        return person_of_session(token=request.COOKIES.get(cookies.REFRESH_TOKEN, ""))
    except (NotAuthenticated, Banned, InvalidRefreshToken, SessionNotFound):
        return None
