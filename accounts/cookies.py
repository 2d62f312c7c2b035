"""The two cookies of a signed-in browser (contract 01 §4.1). Nothing but refresh reads them."""

from django.conf import settings
from django.http import HttpResponseBase

from accounts.services.sessions import RefreshToken

REFRESH_TOKEN = "refreshToken"  # noqa: S105 — a cookie's name
TOKEN_PROVIDER = "token_provider"  # noqa: S105 — a cookie's name


def set_session_cookies(response: HttpResponseBase, token: RefreshToken) -> None:
    for name, value in ((REFRESH_TOKEN, token.value), (TOKEN_PROVIDER, "librechat")):
        response.set_cookie(
            name,
            value,
            expires=token.expires_at,
            httponly=True,
            samesite="Strict",
            secure=settings.SESSION_COOKIE_SECURE,
        )


def clear_session_cookies(response: HttpResponseBase) -> None:
    for name in (REFRESH_TOKEN, TOKEN_PROVIDER):
        response.delete_cookie(name, samesite="Strict")
