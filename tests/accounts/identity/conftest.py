"""A provider process, and an installation that people may sign in to through it."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from tests.fake_identity import CLIENT_ID, CLIENT_SECRET, PERSON
from tests.processes import start_fake_identity

CLIENT_PAGE = "http://localhost:8000"


@pytest.fixture(scope="session")
def identity_process() -> Iterator[str]:
    with start_fake_identity() as url:
        yield url


@dataclass
class FakeProviders:
    """``set`` says what the next sign-ins meet; see tests.fake_identity.Control."""

    url: str

    def set(self, **control: Any) -> None:
        httpx.post(f"{self.url}/control", content=json.dumps(control)).raise_for_status()

    def set_person(self, **claims: Any) -> None:
        self.set(person=PERSON | claims)

    def requests(self, path: str) -> list[dict[str, Any]]:
        listed = httpx.get(f"{self.url}/requests").json()["requests"]
        return [each["given"] for each in listed if each["path"] == path]


@pytest.fixture
def providers(identity_process: str) -> FakeProviders:
    fake = FakeProviders(identity_process)
    fake.set()
    return fake


SetUp = Callable[..., None]


@pytest.fixture
def set_up(settings: Settings) -> SetUp:
    """Set variables of the environment that tell of identity providers."""

    def set_up(**variables: str) -> None:
        settings.IDENTITY_ENVIRONMENT = {**settings.IDENTITY_ENVIRONMENT, **variables}

    return set_up


@pytest.fixture
def openid(providers: FakeProviders, settings: Settings, set_up: SetUp, db: None) -> FakeProviders:
    """New people may come; nobody is kept out by a limit."""
    settings.ALLOW_SOCIAL_LOGIN = settings.ALLOW_SOCIAL_REGISTRATION = True
    settings.LOGIN_MAX = 1000
    settings.DOMAIN_CLIENT = settings.DOMAIN_SERVER = CLIENT_PAGE
    set_up(
        OPENID_CLIENT_ID=CLIENT_ID,
        OPENID_CLIENT_SECRET=CLIENT_SECRET,
        OPENID_ISSUER=providers.url,
    )
    return providers


def callback_of(client: Client, provider: str = "openid") -> str:
    """The address, on this server, to which the provider sends the browser back."""
    begun = client.get(f"/oauth/{provider}")
    assert begun.status_code == 302, begun.content
    answered = httpx.get(begun["Location"])
    assert answered.status_code == 302, answered.text
    location: str = answered.headers["Location"]
    return location.removeprefix(CLIENT_PAGE)


def sign_in(client: Client, provider: str = "openid") -> Any:
    return client.get(callback_of(client, provider))


def is_signed_in(answer: Any) -> bool:
    """Whether the browser goes to the client with the cookie that lets it in."""
    cookie = answer.cookies.get("refreshToken")
    return (
        answer.status_code == 302
        and answer["Location"] == CLIENT_PAGE
        and cookie is not None
        and bool(cookie.value)
    )


def refusal_of(answer: Any) -> str:
    """The reason in the address of the sign-in page, to which a refused browser goes."""
    assert answer.status_code == 302, answer.content
    assert "refreshToken" not in answer.cookies
    address = urlsplit(answer["Location"])
    assert f"{address.scheme}://{address.netloc}{address.path}" == f"{CLIENT_PAGE}/login"
    query = parse_qs(address.query)
    assert query["redirect"] == ["false"]
    assert query["error"] == ["auth_failed"]
    return str(query["reason"][0])


def person_of(client: Client) -> User:
    """Whom the browser's cookie stands for, as the client finds out."""
    refreshed = client.post("/api/auth/refresh")
    assert refreshed.status_code == 200, refreshed.content
    return User.objects.get(pk=refreshed.json()["user"]["id"])
