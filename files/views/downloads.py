"""Files on their way out (contract 04 §1.10, §1.12). Coroutine views."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from accounts import cookies
from accounts.authentication import authenticate
from accounts.models import User
from accounts.services.sessions import InvalidRefreshToken, SessionNotFound, person_of_session
from files import serving
from files.exceptions import FileNotFound
from files.models import File
from files.serializers import metadata_header
from files.views.requests import allow
from librechat_backend.lib.aio import in_database
from librechat_backend.lib.errors import AppError, NotAuthenticated
from librechat_backend.lib.rest import json_response


async def download(request: HttpRequest, user_id: str, file_id: str) -> HttpResponseBase:
    """``user_id`` is what the client puts there; who may is decided by the token."""
    allow(request, "GET", "HEAD")
    user = await authenticate(request)
    file = await in_database(find_own, user, file_id)
    is_direct = settings.S3_DIRECT_DOWNLOADS and request.GET.get("direct") == "true"
    response = await serving.respond(request, file, allows_redirect=is_direct)
    response["X-File-Metadata"] = metadata_header(file)
    response["Access-Control-Expose-Headers"] = "X-File-Metadata, Content-Disposition"
    return response


async def download_url(request: HttpRequest, user_id: str, file_id: str) -> HttpResponse:
    """An address signed now; 501 makes the client download through us (04 §1.10)."""
    allow(request, "GET")
    user = await authenticate(request)
    file = await in_database(find_own, user, file_id)
    address = serving.signed_address(file) if settings.S3_DIRECT_DOWNLOADS else ""
    if not address:
        raise AppError("This storage has no direct downloads.", status=501)
    answer = {"url": address, "filename": file.filename, "type": file.media_type}
    response = json_response({**answer, "metadata": {"file_id": file.file_id}})
    response["Cache-Control"] = "no-store"
    return response


async def image(request: HttpRequest, user_id: str, name: str) -> HttpResponseBase:
    """Pictures in a page carry no token, so the cookie of the session speaks for the person.

    Avatars are for everyone who knows their name, which nobody can guess.
    """
    allow(request, "GET", "HEAD")
    file = await in_database(_find_image, user_id, name)
    if file is not None and file.context == File.Context.AVATAR:
        return await serving.respond(request, file, cache=serving.PUBLIC, is_inline=True)
    user = await _viewer(request)
    if file is None or file.user_id != user.pk:
        raise FileNotFound
    return await serving.respond(
        request, file, is_inline=True, allows_redirect=settings.S3_DIRECT_DOWNLOADS
    )


async def _viewer(request: HttpRequest) -> User:
    """Raises NotAuthenticated."""
    if "Authorization" in request.headers:
        return await authenticate(request)
    try:
        token = request.COOKIES.get(cookies.REFRESH_TOKEN, "")
        return await in_database(person_of_session, token=token)
    except (InvalidRefreshToken, SessionNotFound) as error:
        raise NotAuthenticated("Unauthorized") from error


def find_own(user: User, file_id: str) -> File:
    """Raises FileNotFound, for those of others too."""
    files = File.objects.owned_by(user).select_related("blob").defer("text")
    file = files.filter(file_id=file_id.replace("\x00", "")).first()
    if file is None:
        raise FileNotFound
    return file


def _find_image(user_id: str, name: str) -> File | None:
    files = File.objects.present().filter(user=user_id.replace("\x00", ""))
    named = files.filter(name=name.replace("\x00", ""))
    return named.exclude(width=None).select_related("blob").defer("text").first()
