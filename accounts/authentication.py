"""Who is asking: the bearer token of a request, for REST framework and for async views.

A token outlives what happens to its person: each request reads whether they may still come in.
"""

from typing import Any, cast

from django.db.models import CharField, DateTimeField, Exists, GenericIPAddressField, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from accounts.models import User
from accounts.services.bans import Banned, bans_of_each_person
from accounts.tokens import InvalidAccessToken, verify_access_token
from librechat_backend.lib.aio import in_database
from librechat_backend.lib.compiled import CompiledQuery, Given
from librechat_backend.lib.errors import NotAuthenticated
from librechat_backend.lib.throttling import client_ip


def user_for_token(token: str, *, ip_address: str | None = None) -> User:
    """The active user whose access token this is; one query. Raises NotAuthenticated, Banned."""
    try:
        user_id = verify_access_token(token)
    except InvalidAccessToken as error:
        raise NotAuthenticated(str(error)) from error
    return active_user(user_id, ip_address=ip_address)


def active_user(user_id: str, *, ip_address: str | None = None) -> User:
    """As they are now; one query. Raises NotAuthenticated, and Banned for them or the address."""
    user = _ACTIVE.first(user_id=user_id, ip_address=ip_address, now=timezone.now())
    if user is None:
        raise NotAuthenticated("Unauthorized")
    if user.is_banned:
        raise Banned
    return cast(User, user)


def _active() -> QuerySet[Any]:
    bans = bans_of_each_person(
        Given("ip_address", GenericIPAddressField()), Given("now", DateTimeField())
    )
    people = User.objects.annotate(is_banned=Exists(bans)).order_by()
    return people.filter(pk=Given("user_id", CharField()), is_active=True)


_ACTIVE = CompiledQuery(_active)


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
    """The user of a request to an async view. Raises NotAuthenticated, Banned."""
    token, address = bearer_token(request), client_ip(request)
    return await in_database(user_for_token, token, ip_address=address)


class BearerAuthentication(BaseAuthentication):
    """Every request needs a usable token: 401 otherwise (contract 01 §10.5); 403 is for bans."""

    def authenticate(self, request: Request) -> tuple[User, str]:
        token = bearer_token(request)
        return user_for_token(token, ip_address=client_ip(request)), token


class OptionalBearerAuthentication(BaseAuthentication):
    """For views that answer strangers too; an unusable token counts as none."""

    def authenticate(self, request: Request) -> tuple[User, str] | None:
        try:
            token = bearer_token(request)
            return user_for_token(token, ip_address=client_ip(request)), token
        except (NotAuthenticated, Banned):
            return None
