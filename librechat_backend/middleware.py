"""Middleware: headers for every answer; sessions, CSRF and messages for the admin alone.

An API request pays for none of the latter. Each wrapper keeps the class of the original, so that
Django's system checks see what they look for.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden
from django.http.response import HttpResponseBase
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.csrf import CsrfViewMiddleware
from django.utils.deprecation import MiddlewareMixin

AsyncHandler = Callable[[HttpRequest], Awaitable[HttpResponseBase]]


def add_headers(response: HttpResponseBase) -> HttpResponseBase:
    """What every answer carries (contract 01 §1.1)."""
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "same-origin")
    if settings.NO_INDEX:
        response.headers["X-Robots-Tag"] = "noindex"
    if isinstance(response, HttpResponse):
        response.headers.setdefault("Content-Length", str(len(response.content)))
    return response


def response_headers(get_response: AsyncHandler) -> AsyncHandler:
    if not iscoroutinefunction(get_response):
        return lambda request: add_headers(get_response(request))  # type: ignore[arg-type,return-value]

    async def middleware(request: HttpRequest) -> HttpResponseBase:
        return add_headers(await get_response(request))

    markcoroutinefunction(middleware)
    return middleware


response_headers.async_capable = True  # type: ignore[attr-defined]
response_headers.sync_capable = True  # type: ignore[attr-defined]


def no_nul(get_response: AsyncHandler) -> AsyncHandler:
    """NUL is taken out of queries as it is out of bodies: PostgreSQL can compare with none."""
    if not iscoroutinefunction(get_response):
        return lambda request: get_response(_without_nul(request))

    async def middleware(request: HttpRequest) -> HttpResponseBase:
        return await get_response(_without_nul(request))

    markcoroutinefunction(middleware)
    return middleware


no_nul.async_capable = True  # type: ignore[attr-defined]
no_nul.sync_capable = True  # type: ignore[attr-defined]


def _without_nul(request: HttpRequest) -> HttpRequest:
    """Before any view reads the query."""
    query = request.META.get("QUERY_STRING", "")
    if "%00" in query:
        request.META["QUERY_STRING"] = query.replace("%00", "")
    return request


def is_admin(request: HttpRequest) -> bool:
    return request.path_info.startswith("/admin")


class AdminOnly(MiddlewareMixin):
    """Steps aside for every path outside the admin."""

    def __call__(self, request: HttpRequest) -> Any:
        """An answer, or under ASGI the coroutine of one."""
        if is_admin(request):
            return super().__call__(request)
        return self.get_response(request)


class AdminSessionMiddleware(AdminOnly, SessionMiddleware):
    pass


class AdminCsrfMiddleware(AdminOnly, CsrfViewMiddleware):
    def process_view(
        self, request: HttpRequest, callback: Any, callback_args: Any, callback_kwargs: Any
    ) -> HttpResponseForbidden | None:
        if not is_admin(request):
            return None
        _clean_form(request)
        return super().process_view(request, callback, callback_args, callback_kwargs)


def _clean_form(request: HttpRequest) -> None:
    """NUL is taken out of forms, too: not every page asks a field of Django's, which refuses it."""
    if not any("\0" in value for _, values in request.POST.lists() for value in values):
        return
    form = request.POST.copy()
    for name, values in request.POST.lists():
        form.setlist(name, [value.replace("\0", "") for value in values])
    request.POST = form  # type: ignore[assignment]


class AdminAuthenticationMiddleware(AdminOnly, AuthenticationMiddleware):
    pass


class AdminMessageMiddleware(AdminOnly, MessageMiddleware):
    pass


class AdminFrameOptionsMiddleware(AdminOnly, XFrameOptionsMiddleware):
    pass
