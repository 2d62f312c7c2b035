"""Every route of the API refuses strangers, unless the table says that it is public.

The routes come from the URL maps: a new one without a rule fails here.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.models import User
from accounts.tokens import issue_access_token
from librechat_backend import lean_urls
from tests.conversations.chat.scripted import ChatClient

# Answered without an access token, each for its reason.
PUBLIC = {
    "api/auth/login": "gives the token",
    "api/auth/register": "before there is an account",
    "api/auth/refresh": "authenticated by its cookie",
    "api/auth/requestPasswordReset": "who cannot sign in asks",
    "api/auth/resetPassword": "authenticated by the mailed token",
    "api/auth/2fa/verify-temp": "authenticated by the temporary token",
    "api/user/verify": "authenticated by the mailed token",
    "api/user/verify/resend": "who cannot sign in yet asks",
    "api/config": "the sign-in page needs it",
    "api/schema": "describes the API of administrators; holds no data",
    "api/docs": "the same as a page",
    "api/banner": "shown before the sign-in, too",
}
METHODS = ("get", "post", "put", "patch", "delete")


def _routes(patterns: list[Any], prefix: str = "") -> Iterator[str]:
    for each in patterns:
        route = prefix + str(each.pattern)
        if isinstance(each, URLResolver):
            yield from _routes(each.url_patterns, route)
        elif isinstance(each, URLPattern) and route.startswith("api/"):
            yield route


def _path(route: str) -> str:
    return "/" + re.sub(r"<[^>]+>", "5d0c1f6e2b7a4c1d9a407f2f", route)


STOCK = sorted(set(_routes(get_resolver("librechat_backend.urls").url_patterns)))
LEAN = sorted(set(_routes(get_resolver(lean_urls.__name__).url_patterns)))


def _unusable_tokens(user: User) -> list[str]:
    good = issue_access_token(user)
    head, claims, signature = good.split(".")
    return ["", "Bearer x", f"Bearer {head}.{claims}.{signature[::-1]}", f"Basic {good}"]


def test_there_are_routes() -> None:
    assert len(STOCK) > 50
    assert len(LEAN) > 10
    assert PUBLIC.keys() <= set(STOCK)


@pytest.mark.parametrize("route", [route for route in STOCK if route not in PUBLIC])
def test_stranger_gets_401(route: str, alice: User) -> None:
    for token in _unusable_tokens(alice):
        client = Client(headers={"authorization": token} if token else {})
        answers = {
            method: getattr(client, method)(_path(route), content_type="application/json")
            for method in METHODS
        }
        statuses = {method: answer.status_code for method, answer in answers.items()}
        # 404: the route has no such method. It must have one, which must have asked for a token.
        assert set(statuses.values()) <= {401, 404}, statuses
        assert 401 in statuses.values(), statuses


@pytest.mark.parametrize("route", [route for route in STOCK if route not in PUBLIC])
def test_deactivated_person_gets_401(route: str, alice: User) -> None:
    token = issue_access_token(alice)
    User.objects.filter(pk=alice.pk).update(is_active=False)
    client = Client(headers={"authorization": f"Bearer {token}"})
    answers = [
        getattr(client, method)(_path(route), content_type="application/json") for method in METHODS
    ]
    assert {answer.status_code for answer in answers} <= {401, 404}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("route", LEAN)
async def test_stranger_gets_401_on_the_lean_path(route: str) -> None:
    statuses = {}
    for method in METHODS:
        answer = await ChatClient(None).open(method.upper(), _path(route), b"{}").answer()
        statuses[method] = answer.status
    assert set(statuses.values()) <= {401, 404}, statuses
    assert 401 in statuses.values(), statuses
