"""Who is asking: the bearer token of a request, for REST framework and for async views."""

from typing import cast

from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from accounts.models import User
from accounts.tokens import InvalidAccessToken, verify_access_token
from librechat_backend.lib.aio import in_database
from librechat_backend.lib.errors import NotAuthenticated


def user_for_token(token: str) -> User:
    """The active user whose access token this is; one query. Raises NotAuthenticated."""
    try:
        user_id = verify_access_token(token)
    except InvalidAccessToken as error:
        raise NotAuthenticated(str(error)) from error
    return active_user(user_id)


def active_user(user_id: str) -> User:
    """As they are now; one query. Raises NotAuthenticated."""
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is None:
        raise NotAuthenticated("Unauthorized")
    return user


def bearer_token(request: HttpRequest | Request) -> str:
    """The token of the Authorization header. Raises NotAuthenticated."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise NotAuthenticated("No auth token")
    return token.strip()


def user_of(request: Request) -> User:
    """The user of a request that REST framework authenticated."""
    return cast(User, request.user)


async def authenticate(request: HttpRequest) -> User:
    """The user of a request to an async view. Raises NotAuthenticated."""
    return await in_database(user_for_token, bearer_token(request))


class BearerAuthentication(BaseAuthentication):
    """Every request needs a usable token: 401 otherwise, never 403 (contract 01 §10.5)."""

    def authenticate(self, request: Request) -> tuple[User, str]:
        token = bearer_token(request)
        return user_for_token(token), token


class OptionalBearerAuthentication(BaseAuthentication):
    """For views that answer strangers too; an unusable token counts as none."""

    def authenticate(self, request: Request) -> tuple[User, str] | None:
        try:
            token = bearer_token(request)
            return user_for_token(token), token
        except NotAuthenticated:
            return None
