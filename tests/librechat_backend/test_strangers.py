"""Every route of the API refuses strangers, unless the table says that it is public.

The routes come from the URL maps: a new one without a rule fails here.
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import jwt
import pytest
from django.conf import settings
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from accounts.models import Ban, User
from accounts.services.bans import MESSAGE
from accounts.tokens import issue_access_token, issue_two_factor_token
from gateway import application as gateway_routes
from librechat_backend import lean_urls
from librechat_backend.lib.aio import close_database_threads, in_database
from tests.conversations.chat.scripted import ChatClient

# Answered without an access token, each for its reason.
PUBLIC = {
    "api/auth/login": "gives the token",
    "api/auth/register": "before there is an account",
    "api/auth/refresh": "authenticated by its cookie",
    "api/auth/requestPasswordReset": "who cannot sign in asks",
    "api/auth/resetPassword": "authenticated by the mailed token",
    "api/billing/webhook": "authenticated by its signature",
    "api/auth/2fa/verify-temp": "authenticated by the temporary token",
    "api/user/verify": "authenticated by the mailed token",
    "api/user/verify/resend": "who cannot sign in yet asks",
    "api/user/register": "before there is an account",
    "api/user/login": "gives the token of the console",
    "api/config": "the sign-in page needs it",
    "api/info": "programs ask where the API is",
    "api/schema": "describes the API of administrators; holds no data",
    "api/docs": "the same as a page",
    "api/banner": "shown before the sign-in, too",
    "oauth/<str:provider>": "the way to a provider",
    "oauth/<str:provider>/callback": "the way back, proved by the provider's word",
    "oauth/error": "leads to the sign-in page",
    "api/share/<chat_id:share_id>/config": "links may open for everybody (test_shared_view)",
}
# The same on the lean path: links may open for everybody (test_shared_files).
PUBLIC_LEAN = {
    f"api/share/<chat_id:share_id>/files/<chat_id:file_id>{rest}"
    for rest in ("", "/download", "/preview")
}
BAN = {"message": MESSAGE}
METHODS = ("get", "post", "put", "patch", "delete")


def _routes(patterns: list[Any], prefix: str = "") -> Iterator[str]:
    for each in patterns:
        route = prefix + str(each.pattern)
        if isinstance(each, URLResolver):
            yield from _routes(each.url_patterns, route)
        elif isinstance(each, URLPattern) and route.startswith(("api/", "oauth/")):
            yield route


def _path(route: str) -> str:
    return "/" + re.sub(r"<[^>]+>", "5d0c1f6e2b7a4c1d9a407f2f", route)


STOCK = sorted(set(_routes(get_resolver("librechat_backend.urls").url_patterns)))
LEAN = sorted(set(_routes(get_resolver(lean_urls.__name__).url_patterns)))


def _unusable_tokens(user: User) -> list[str]:
    """No token, no form of one, tampered with, expired, unsigned, of another kind."""
    good = issue_access_token(user)
    head, claims, signature = good.split(".")
    said = jwt.decode(good, options={"verify_signature": False})
    secret = settings.JWT_SECRET
    late = jwt.encode(said | {"exp": 1}, secret, algorithm="HS256")
    forged = jwt.encode(said, secret[::-1], algorithm="HS256")
    unsigned = jwt.encode(said, "", algorithm="none")
    tokens = (
        late,
        forged,
        unsigned,
        issue_two_factor_token(user),
        f"{head}.{claims}.{signature[::-1]}",
    )
    return ["", "Bearer", "Bearer x", f"Basic {good}", *(f"Bearer {token}" for token in tokens)]


def _ban(user: User) -> None:
    Ban.objects.create(user=user, expires_at=timezone.now() + timedelta(hours=1))


async def _lean_answers(route: str, authorization: str) -> dict[str, Any]:
    client = ChatClient(None)
    return {
        method: await client.open(
            method.upper(), _path(route), b"{}", authorization=authorization
        ).answer()
        for method in METHODS
    }


def test_there_are_routes() -> None:
    assert len(STOCK) > 50
    assert len(LEAN) > 10
    assert PUBLIC.keys() <= set(STOCK)
    assert set(LEAN) >= PUBLIC_LEAN


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


@pytest.mark.parametrize("route", [route for route in STOCK if route not in PUBLIC])
def test_banned_person_is_told_so(route: str, alice: User) -> None:
    client = Client(headers={"authorization": f"Bearer {issue_access_token(alice)}"})
    _ban(alice)
    answers = [
        getattr(client, method)(_path(route), content_type="application/json") for method in METHODS
    ]
    told = [answer.json()["message"] for answer in answers if answer.status_code == 403]
    assert {answer.status_code for answer in answers} <= {403, 404}
    assert set(told) == {MESSAGE}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("route", [route for route in LEAN if route not in PUBLIC_LEAN])
async def test_stranger_gets_401_on_the_lean_path(route: str, alice: User) -> None:
    for token in _unusable_tokens(alice):
        answers = await _lean_answers(route, token)
        statuses = {method: answer.status for method, answer in answers.items()}
        assert set(statuses.values()) <= {401, 404}, statuses
        assert 401 in statuses.values(), statuses


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("route", [route for route in LEAN if route not in PUBLIC_LEAN])
@pytest.mark.parametrize("end", ["deactivated", "banned"])
async def test_person_who_is_out_gets_nothing_on_the_lean_path(
    route: str, end: str, alice: User
) -> None:
    token = f"Bearer {issue_access_token(alice)}"
    if end == "banned":
        await in_database(_ban, alice)
    else:
        await in_database(User.objects.filter(pk=alice.pk).update, is_active=False)
    answers = (await _lean_answers(route, token)).values()
    refused = [answer for answer in answers if answer.status != 404]
    expected = (403, BAN) if end == "banned" else (401, {"message": "Unauthorized"})
    assert refused
    for answer in refused:
        body = BAN if answer.json() == {"type": "ban"} else answer.json()
        assert (answer.status, body) == expected


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", sorted(gateway_routes.POST) + sorted(gateway_routes.GET))
async def test_stranger_gets_401_on_the_api_for_programs(path: str, alice: User) -> None:
    method = "POST" if path in gateway_routes.POST else "GET"
    for token in [*_unusable_tokens(alice), f"Bearer {issue_access_token(alice)}"]:
        headers = {"authorization": token} if token else {}
        app: Any = gateway_routes.application
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            answer = await client.request(method, path, content=b"{}", headers=headers)
        assert answer.status_code == 401, (token, answer.text)
    close_database_threads()
