"""Signing out here can sign out at the provider, too."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from django.test import Client

from accounts.models import RefreshSession
from librechat_backend.lib import crypto
from tests.accounts.identity.conftest import FakeProviders, SetUp, is_signed_in, sign_in
from tests.accounts.requests import login
from tests.factories import UserFactory


def signed_in_client() -> Client:
    client = Client()
    assert is_signed_in(sign_in(client))
    return client


def log_out(client: Client) -> Any:
    token = client.post("/api/auth/refresh").json()["token"]
    answer = client.post("/api/auth/logout", headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    return answer.json()


@pytest.fixture
def with_logout(openid: FakeProviders, set_up: SetUp) -> FakeProviders:
    set_up(OPENID_USE_END_SESSION_ENDPOINT="true")
    return openid


def test_client_is_sent_to_the_provider(with_logout: FakeProviders) -> None:
    body = log_out(signed_in_client())
    assert body["message"] == "Logout successful"
    address = urlsplit(body["redirect"])
    assert f"{address.scheme}://{address.netloc}{address.path}" == f"{with_logout.url}/end_session"
    query = parse_qs(address.query)
    assert query["post_logout_redirect_uri"] == ["http://localhost:8000/login"]
    claims = jwt.decode(query["id_token_hint"][0], options={"verify_signature": False})
    assert claims["sub"] == "ada-1"
    assert RefreshSession.objects.count() == 0


def test_id_token_is_stored_encrypted(with_logout: FakeProviders) -> None:
    signed_in_client()
    stored = RefreshSession.objects.get()
    assert stored.provider == "openid"
    assert crypto.decrypt(stored.id_token).count(".") == 2
    assert not stored.id_token.startswith("ey")


def test_long_token_is_left_out(with_logout: FakeProviders, set_up: SetUp) -> None:
    set_up(OPENID_MAX_LOGOUT_URL_LENGTH="300", OPENID_POST_LOGOUT_REDIRECT_URI="https://x.example")
    query = parse_qs(urlsplit(log_out(signed_in_client())["redirect"]).query)
    assert query == {
        "post_logout_redirect_uri": ["https://x.example"],
        "logout_hint": ["ada@example.com"],
        "client_id": ["chat"],
    }


def test_parameters_of_the_endpoint_stay(with_logout: FakeProviders) -> None:
    with_logout.set(metadata_changes={"end_session_endpoint": "https://id.example/out?a=1"})
    assert log_out(signed_in_client())["redirect"].startswith("https://id.example/out?a=1&post_")


def test_nothing_when_it_is_off(openid: FakeProviders) -> None:
    assert log_out(signed_in_client()) == {"message": "Logout successful"}


@pytest.mark.parametrize("endpoint", [None, "", "javascript:alert(1)", 7])
def test_nothing_when_provider_has_no_such_endpoint(
    endpoint: Any, with_logout: FakeProviders
) -> None:
    with_logout.set(metadata_changes={"end_session_endpoint": endpoint})
    assert log_out(signed_in_client()) == {"message": "Logout successful"}


def test_nothing_when_person_signed_in_with_a_password(with_logout: FakeProviders) -> None:
    UserFactory.create(email="bob@example.com", email_verified=True)
    client = Client()
    assert login(client, "bob@example.com").status_code == 200
    assert log_out(client) == {"message": "Logout successful"}


def test_signed_out_here_when_provider_is_away(with_logout: FakeProviders, set_up: SetUp) -> None:
    client = signed_in_client()
    set_up(OPENID_ISSUER="http://127.0.0.1:9")
    assert log_out(client) == {"message": "Logout successful"}
    assert RefreshSession.objects.count() == 0
