import json
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from accounts.models import RefreshSession, User
from tests.accounts.identity.conftest import (
    FakeProviders,
    SetUp,
    callback_of,
    is_signed_in,
    person_of,
    refusal_of,
    sign_in,
)


def test_account_is_made_when_somebody_new_comes(openid: FakeProviders) -> None:
    client = Client()
    assert is_signed_in(sign_in(client))
    user = person_of(client)
    assert (user.email, user.name, user.username) == ("ada@example.com", "Ada Lovelace", "ada")
    assert (user.provider, user.email_verified, user.role) == ("openid", True, "USER")
    assert user.avatar == "https://pictures.example.com/ada.png"
    assert not user.has_usable_password()
    assert not user.is_staff


def test_same_account_when_person_comes_again(openid: FakeProviders) -> None:
    assert is_signed_in(sign_in(Client()))
    openid.set_person(name="x", given_name="Augusta", email="augusta@example.com")
    again = Client()
    assert is_signed_in(sign_in(again))
    assert User.objects.count() == 1
    assert person_of(again).name == "Augusta Lovelace"
    assert person_of(again).email == "augusta@example.com"


def test_request_carries_state_nonce_and_challenge(openid: FakeProviders) -> None:
    begun = Client().get("/oauth/openid")
    query = parse_qs(urlsplit(begun["Location"]).query)
    assert query["client_id"] == ["chat"]
    assert query["redirect_uri"] == ["http://localhost:8000/oauth/openid/callback"]
    assert set(query["scope"][0].split()) == {"openid", "profile", "email"}
    assert query["code_challenge_method"] == ["S256"]
    assert len({query[name][0] for name in ("state", "nonce", "code_challenge")}) == 3
    assert all(len(query[name][0]) >= 43 for name in ("state", "nonce", "code_challenge"))


def test_cookie_of_the_attempt_stays_with_these_routes(openid: FakeProviders) -> None:
    cookie = Client().get("/oauth/openid").cookies["sign_in_attempt"]
    assert cookie["httponly"]
    assert (cookie["samesite"], cookie["path"], cookie["max-age"]) == ("Lax", "/oauth", 600)


def test_refused_when_answer_comes_twice(openid: FakeProviders) -> None:
    client = Client()
    callback = callback_of(client)
    assert is_signed_in(client.get(callback))
    assert refusal_of(client.get(callback)) == "invalid_state"


def test_refused_when_another_browser_answers(openid: FakeProviders) -> None:
    client, other = Client(), Client()
    callback = callback_of(client)
    other.get("/oauth/openid")
    assert refusal_of(other.get(callback)) == "invalid_state"
    assert refusal_of(Client().get(callback)) == "invalid_state"
    assert User.objects.count() == 0
    assert is_signed_in(client.get(callback))


def test_two_tabs_of_one_browser_both_come_back(openid: FakeProviders) -> None:
    client = Client()
    first, second = callback_of(client), callback_of(client)
    assert is_signed_in(client.get(second))
    assert is_signed_in(client.get(first))


def test_refused_when_state_was_made_for_another_provider(
    openid: FakeProviders, set_up: SetUp
) -> None:
    set_up(GITHUB_CLIENT_ID="chat", GITHUB_CLIENT_SECRET="x")
    client = Client()
    callback = callback_of(client).replace("/openid/", "/github/")
    assert refusal_of(client.get(callback)) == "invalid_state"


@pytest.mark.parametrize("query", ["", "?code=x", "?state=x", "?code=x&state=x", "?state=%00"])
def test_refused_when_nobody_began(query: str, openid: FakeProviders) -> None:
    client = Client()
    client.get("/oauth/openid")
    assert refusal_of(client.get(f"/oauth/openid/callback{query}")) == "invalid_state"


@pytest.mark.parametrize(
    ("control", "reason"),
    [
        ({"signer": "other"}, "invalid_answer"),
        ({"signer": "none"}, "invalid_answer"),
        ({"signer": "HS256"}, "invalid_answer"),
        ({"id_token_changes": {"nonce": "of another attempt"}}, "invalid_answer"),
        ({"id_token_changes": {"nonce": None}}, "invalid_answer"),
        ({"id_token_changes": {"iss": "https://evil.example.com"}}, "invalid_answer"),
        ({"id_token_changes": {"aud": "another-client"}}, "invalid_answer"),
        ({"id_token_changes": {"azp": "another-client"}}, "invalid_answer"),
        ({"id_token_changes": {"exp": 1}}, "invalid_answer"),
        ({"id_token_changes": {"exp": float("inf")}}, "invalid_answer"),
        ({"id_token_changes": {"iat": 10**400}}, "invalid_answer"),
        ({"id_token_changes": {"exp": None}}, "invalid_answer"),
        ({"id_token_changes": {"iat": 99999999999}}, "invalid_answer"),
        ({"id_token_changes": {"sub": None}}, "invalid_answer"),
        ({"id_token_changes": {"sub": "x" * 300}}, "invalid_answer"),
        ({"id_token_changes": {"sub": ""}, "userinfo_changes": {"sub": ""}}, "invalid_answer"),
        ({"userinfo_changes": {"sub": "somebody-else"}}, "invalid_answer"),
        ({"userinfo_changes": {"sub": None}}, "invalid_answer"),
        ({"answer_changes": {"iss": "https://evil.example.com"}}, "invalid_answer"),
        ({"answer_changes": {"iss": None}}, "invalid_answer"),
        ({"userinfo_changes": {"email": 7}}, "invalid_answer"),
        ({"answer_changes": {"code": None}}, "invalid_answer"),
        ({"answer_changes": {"code": "guessed"}}, "provider_error"),
        ({"error": "access_denied"}, "cancelled"),
        ({"error": "server_error"}, "provider_error"),
        ({"statuses": {"/token": 500}}, "provider_error"),
        ({"statuses": {"/userinfo": 503}}, "provider_error"),
        ({"statuses": {"/jwks": 404}}, "provider_error"),
    ],
)
def test_refused_when_answer_is_not_good(
    control: dict[str, Any], reason: str, openid: FakeProviders
) -> None:
    openid.set(**control)
    assert refusal_of(sign_in(Client())) == reason
    assert User.objects.count() == 0
    assert RefreshSession.objects.count() == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "https://evil.example.com"},
        {"token_endpoint": None},
        {"jwks_uri": 7},
        {"authorization_endpoint": "http://[half"},
        {"authorization_endpoint": "javascript:alert()"},
        {"authorization_endpoint": "https://example.com/\ud83d"},
        {"authorization_endpoint": f"https://example.com/{'x' * 20_000}"},
        {"token_endpoint_auth_methods_supported": 7},
    ],
)
def test_refused_when_metadata_is_not_the_issuers(
    changes: dict[str, Any], openid: FakeProviders
) -> None:
    openid.set(metadata_changes=changes)
    assert refusal_of(Client().get("/oauth/openid")) == "provider_error"


NESTED = "[" * 5000 + "]" * 5000


@pytest.mark.parametrize("body", [NESTED, "[]", "9" * 5000, "{", "null"])
def test_refused_when_metadata_cannot_be_read(body: str, openid: FakeProviders) -> None:
    openid.set(bodies={"/.well-known/openid-configuration": body})
    assert refusal_of(Client().get("/oauth/openid")) == "provider_error"


def _token(**members: Any) -> str:
    return json.dumps({"access_token": "x", "token_type": "Bearer", **members})


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/token", NESTED),
        ("/token", "9" * 5000),
        ("/token", '["access_token"]'),
        ("/token", _token(expires_in=10**30)),
        ("/token", _token(expires_in=float("inf"))),
        ("/token", _token(expires_in=[1])),
        ("/token", _token(id_token=7)),
        ("/token", _token(id_token="a.b.c")),
        ("/token", '{"access_token": 1, "id_token": {"a": 1}}'),
        ("/userinfo", NESTED),
        ("/userinfo", "[1]"),
        ("/userinfo", "7"),
        ("/jwks", NESTED),
        ("/jwks", "[1]"),
        ("/jwks", '{"keys": [{"kty": "EC", "kid": "good", "crv": 7}]}'),
        ("/jwks", '{"keys": [{"kty": "RSA", "kid": "good", "n": "AQAB", "e": "AQAB"}]}'),
        ("/jwks", '{"keys": [{"kty": "RSA", "kid": ["good"], "n": "AQAB", "e": "AQAB"}]}'),
        ("/jwks", '{"keys": [{"kty": "OKP", "kid": "good", "crv": "Ed25519", "x": "AA"}]}'),
    ],
)
def test_refused_when_what_is_said_cannot_be_read(
    path: str, body: str, openid: FakeProviders
) -> None:
    openid.set(bodies={path: body})
    assert refusal_of(sign_in(Client())) == "invalid_answer"
    assert User.objects.count() == 0


def test_refused_when_provider_is_not_there(openid: FakeProviders, set_up: SetUp) -> None:
    set_up(OPENID_ISSUER="http://127.0.0.1:9")
    assert refusal_of(Client().get("/oauth/openid")) == "provider_unreachable"


def test_refused_when_provider_takes_too_long(openid: FakeProviders, settings: Any) -> None:
    settings.SOCIALACCOUNT_REQUESTS_TIMEOUT = 0.2
    openid.set(delays={"/token": 1})
    assert refusal_of(sign_in(Client())) == "provider_unreachable"


def test_clocks_may_differ_a_little(openid: FakeProviders) -> None:
    openid.set(id_token_changes={"iat": int(time.time()) + 200, "exp": int(time.time()) + 500})
    assert is_signed_in(sign_in(Client()))


def test_unknown_key_is_looked_for_once_more(openid: FakeProviders) -> None:
    """Keys are kept for a while, and a provider may change them meanwhile."""
    for _ in range(2):
        assert is_signed_in(sign_in(Client()))
    assert len(openid.requests("/jwks")) == 1


@pytest.mark.parametrize(
    "said",
    [
        '{"keys": [{"kty": "EC", "kid": "good", "crv": 7}]}',
        '{"keys": [{"kty": "RSA", "kid": "good", "n": "AQAB", "e": "AQAB"}]}',
        "[1]",
    ],
)
def test_keys_that_could_not_be_read_are_not_kept(said: str, openid: FakeProviders) -> None:
    openid.set(bodies={"/jwks": said})
    assert refusal_of(sign_in(Client())) == "invalid_answer"
    openid.set(bodies={})
    assert is_signed_in(sign_in(Client()))


def test_no_secret_of_the_client_is_needed_with_pkce(openid: FakeProviders, set_up: SetUp) -> None:
    set_up(OPENID_CLIENT_SECRET="")
    sign_in(Client())
    given = openid.requests("/token")[0]
    assert len(given["code_verifier"]) >= 43
    assert "client_secret" not in given


@pytest.mark.parametrize("where", ["redirect_to", "next", "url", "redirect_uri"])
def test_no_address_is_taken_from_a_request(where: str, openid: FakeProviders) -> None:
    evil = f"{where}=https://evil.example.com"
    client = Client()
    begun = client.get(f"/oauth/openid?{evil}")
    assert "evil" not in begun["Location"]
    assert is_signed_in(client.get(f"{callback_of(client)}&{evil}"))
    assert "evil" not in Client().get(f"/oauth/error?{evil}")["Location"]


def test_post_is_not_taken_where_provider_redirects(openid: FakeProviders) -> None:
    answer = Client().post("/oauth/openid/callback", {"code": "x", "state": "y"})
    assert answer.status_code == 404


def test_unknown_provider_is_not_found(openid: FakeProviders) -> None:
    for path in ("/oauth/evil", "/oauth/evil/callback", "/oauth/", "/oauth/openid/x"):
        assert Client().get(path).status_code == 404


def test_refused_when_social_sign_in_is_off(openid: FakeProviders, settings: Any) -> None:
    settings.ALLOW_SOCIAL_LOGIN = False
    assert refusal_of(Client().get("/oauth/openid")) == "not_configured"


def test_limit_of_sign_ins_holds_here_too(openid: FakeProviders, settings: Any) -> None:
    settings.LOGIN_MAX = 2
    statuses = [Client().get("/oauth/openid").status_code for _ in range(3)]
    assert statuses == [302, 302, 429]


@pytest.mark.parametrize("accept", ["text/html", "*/*", "image/png", "application/json"])
def test_browsers_may_accept_what_they_like(accept: str, openid: FakeProviders) -> None:
    assert Client().get("/oauth/openid", headers={"accept": accept}).status_code == 302
