"""Who is asking: the bearer token of a request, for REST framework and for async views.

A token outlives what happens to its person: each request reads whether they may still come in.
"""

from collections.abc import Sequence
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
from librechat_backend.lib.together import Statement, run_together


def user_for_token(token: str, *, ip_address: str | None = None) -> User:
    """The active user whose access token this is; one query. Raises NotAuthenticated, Banned."""
    return active_user(id_in_token(token), ip_address=ip_address)


def id_in_token(token: str) -> str:
    """Whose access token this is, if they may still come in. Raises NotAuthenticated."""
    try:
        return verify_access_token(token)
    except InvalidAccessToken as error:
        raise NotAuthenticated(str(error)) from error


def active_user(user_id: str, *, ip_address: str | None = None) -> User:
    """As they are now; one query. Raises NotAuthenticated, and Banned for them or the address."""
    (told,) = run_together(asking_for_user(user_id, ip_address=ip_address))
    return user_told(told)


def asking_for_user(user_id: str, *, ip_address: str | None = None) -> Statement[list[Any]]:
    """As :func:`active_user`, to be asked together with others; see :func:`user_told`."""
    return _ACTIVE.asking(user_id=user_id, ip_address=ip_address, now=timezone.now())


def user_told(told: Sequence[Any]) -> User:
    """Of the answer to :func:`asking_for_user`. Raises NotAuthenticated, Banned."""
    if not told:
        raise NotAuthenticated("Unauthorized")
    if told[0].is_banned:
        raise Banned
    return cast(User, told[0])


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
