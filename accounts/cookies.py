"""The two cookies of a signed-in browser (contract 01 §4.1), and the one of a browser that is on
its way to a provider.

Refresh reads the former, and pictures in a page, which carry no token (contract 04 §1.12).
"""

from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpResponseBase
from rest_framework.request import Request

from accounts.identity.attempts import ATTEMPT_SECONDS
from accounts.services.sessions import RefreshToken
from librechat_backend.lib import crypto

REFRESH_TOKEN = "refreshToken"  # noqa: S105 — a cookie's name
TOKEN_PROVIDER = "token_provider"  # noqa: S105 — a cookie's name
SIGN_IN_ATTEMPT = "sign_in_attempt"


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


def browser_secret(request: Request) -> str:
    """What tells this browser from others while it signs in; a new one where it has none."""
    return request.COOKIES.get(SIGN_IN_ATTEMPT) or crypto.new_token()


def set_browser_secret(response: HttpResponseBase, secret: str) -> None:
    """Lax: the browser has to send it when the provider sends it back."""
    response.set_cookie(
        SIGN_IN_ATTEMPT,
        secret,
        max_age=ATTEMPT_SECONDS,
        path=f"{urlsplit(settings.DOMAIN_SERVER).path}/oauth",
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )
