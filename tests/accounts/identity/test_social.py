"""Google, GitHub, Discord, Facebook and Apple, played by a process on the loopback interface."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.test import Client

from accounts.identity import library
from accounts.models import IdentityRule, User
from tests.accounts.identity.conftest import (
    CLIENT_PAGE,
    FakeProviders,
    SetUp,
    callback_of,
    is_signed_in,
    person_of,
    refusal_of,
    sign_in,
)
from tests.factories import UserFactory
from tests.fake_identity import CLIENT_ID, CLIENT_SECRET, GITHUB, PERSON

DISCORD = {
    "id": "77", "username": "wumpus", "email": "wumpus@example.com", "verified": True,
    "avatar": "abc",
}  # fmt: skip
FACEBOOK = {"id": "99", "name": "Fay Book", "email": "fay@example.com"}


@pytest.fixture
def social(
    openid: FakeProviders, set_up: SetUp, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> FakeProviders:
    """All providers are set up, and lead to the process."""
    url = openid.url
    key = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (tmp_path / "apple.p8").write_bytes(key)
    names = ("GOOGLE", "GITHUB", "DISCORD", "FACEBOOK")
    set_up(
        **{f"{name}_CLIENT_ID": CLIENT_ID for name in (*names, "APPLE")},
        **{f"{name}_CLIENT_SECRET": CLIENT_SECRET for name in names},
        APPLE_TEAM_ID="TEAM",
        APPLE_KEY_ID="KEY",
        APPLE_PRIVATE_KEY_PATH=str(tmp_path / "apple.p8"),
    )
    clients = (
        library.GoogleClient, library.GitHubClient, library.DiscordClient,
        library.FacebookClient, library.AppleClient,
    )  # fmt: skip
    for client in clients:
        monkeypatch.setattr(client, "authorize_url", f"{url}/authorize")
        monkeypatch.setattr(client, "access_token_url", f"{url}/token")
    for client in (library.GoogleClient, library.AppleClient):
        monkeypatch.setattr(client, "id_token_issuer", url)
    monkeypatch.setattr(library.GoogleClient, "keys_url", f"{url}/jwks")
    monkeypatch.setattr(library.AppleClient, "public_key_url", f"{url}/jwks")
    monkeypatch.setattr(library.GitHubClient, "profile_url", f"{url}/github/user")
    monkeypatch.setattr(library.GitHubClient, "emails_url", f"{url}/github/user/emails")
    monkeypatch.setattr(library.DiscordClient, "profile_url", f"{url}/discord/me")
    monkeypatch.setattr(
        "allauth.socialaccount.providers.facebook.flows.GRAPH_API_URL", f"{url}/facebook"
    )
    return openid


def test_google(social: FakeProviders) -> None:
    client = Client()
    assert is_signed_in(sign_in(client, "google"))
    user = person_of(client)
    assert (user.email, user.name, user.provider) == ("ada@example.com", "Ada Lovelace", "google")
    assert user.email_verified
    assert user.avatar == "https://pictures.example.com/ada.png"


def test_google_domain_can_be_required(social: FakeProviders) -> None:
    IdentityRule.objects.create(
        effect="require", provider="google", claim="hd", value="corp.example"
    )
    assert refusal_of(sign_in(Client(), "google")) == "requirement_not_met"
    social.set_person(hd="corp.example")
    assert is_signed_in(sign_in(Client(), "google"))


@pytest.mark.parametrize("signer", ["other", "HS256"])
def test_google_is_refused_when_somebody_else_signed(signer: str, social: FakeProviders) -> None:
    social.set(signer=signer)
    assert refusal_of(sign_in(Client(), "google")) == "invalid_answer"


def test_github_primary_verified_address_counts(social: FakeProviders) -> None:
    client = Client()
    assert is_signed_in(sign_in(client, "github"))
    user = person_of(client)
    assert (user.email, user.name, user.username) == ("octo@example.com", "Octo Cat", "octo")
    assert (user.provider, user.email_verified) == ("github", True)


def test_github_unverified_address_opens_no_account(social: FakeProviders) -> None:
    UserFactory.create(email="octo@example.com", email_verified=True)
    address = {"email": "octo@example.com", "primary": True, "verified": False}
    social.set(github={"user": GITHUB["user"], "emails": [address]})
    assert refusal_of(sign_in(Client(), "github")) == "email_unverified"


def test_github_public_address_counts_as_unverified(social: FakeProviders) -> None:
    """Anybody may write any address on their page."""
    UserFactory.create(email="bob@example.com", email_verified=True)
    social.set(github={"user": GITHUB["user"] | {"email": "bob@example.com"}, "emails": []})
    assert refusal_of(sign_in(Client(), "github")) == "email_unverified"


def test_github_enterprise_has_its_own_address(social: FakeProviders, set_up: SetUp) -> None:
    set_up(GITHUB_ENTERPRISE_BASE_URL="https://git.corp.example/")
    address = urlsplit(Client().get("/oauth/github")["Location"])
    assert (address.netloc, address.path) == ("git.corp.example", "/login/oauth/authorize")


def test_discord(social: FakeProviders) -> None:
    social.set(discord=DISCORD)
    client = Client()
    assert is_signed_in(sign_in(client, "discord"))
    user = person_of(client)
    assert (user.email, user.username, user.provider) == ("wumpus@example.com", "wumpus", "discord")
    assert user.avatar == "https://cdn.discordapp.com/avatars/77/abc.png"


def test_discord_unverified_address_opens_no_account(social: FakeProviders) -> None:
    UserFactory.create(email="wumpus@example.com", email_verified=True)
    social.set(discord=DISCORD | {"verified": False})
    assert refusal_of(sign_in(Client(), "discord")) == "email_unverified"


@pytest.mark.parametrize("said", [{}, [], "no", {"id": None}, {"message": "401: Unauthorized"}])
def test_refused_when_discord_says_nonsense(said: Any, social: FakeProviders) -> None:
    social.set(discord=said)
    assert refusal_of(sign_in(Client(), "discord")) in {"invalid_answer", "email_missing"}
    assert User.objects.count() == 0


def test_facebook(social: FakeProviders) -> None:
    social.set(facebook=FACEBOOK)
    client = Client()
    assert is_signed_in(sign_in(client, "facebook"))
    user = person_of(client)
    assert (user.email, user.name, user.provider) == ("fay@example.com", "Fay Book", "facebook")
    assert not user.email_verified  # Facebook does not say


def test_facebook_address_opens_no_account(social: FakeProviders) -> None:
    UserFactory.create(email="fay@example.com", email_verified=True)
    social.set(facebook=FACEBOOK)
    assert refusal_of(sign_in(Client(), "facebook")) == "email_unverified"


def test_facebook_secret_stands_in_no_address(social: FakeProviders) -> None:
    social.set(facebook=FACEBOOK)
    sign_in(Client(), "facebook")
    assert social.requests("/token")[0]["client_secret"] == CLIENT_SECRET
    assert "appsecret_proof" in social.requests("/facebook/me")[0]


def apple_answer(client: Client, **more: str) -> Any:
    """Apple has the browser post the answer, and browsers send no cookie with that."""
    begun = client.get("/oauth/apple")
    query = parse_qs(urlsplit(begun["Location"]).query)
    assert query["response_mode"] == ["form_post"]
    location = httpx.get(begun["Location"]).headers["Location"]
    answer = {name: texts[0] for name, texts in parse_qs(urlsplit(location).query).items()}
    return Client().post(
        "/oauth/apple/callback",
        urlencode(answer | more),
        content_type="application/x-www-form-urlencoded",
    )


def test_apple(social: FakeProviders) -> None:
    social.set_person(name=None, given_name=None, family_name=None, email_verified="true")
    client = Client()
    posted = apple_answer(
        client, user='{"name": {"firstName": "Ada", "lastName": "Lovelace"}, "email": "x@x.xx"}'
    )
    assert posted.status_code == 303
    assert posted["Location"].startswith("/oauth/apple/callback?answer=")
    assert not posted.cookies
    assert is_signed_in(client.get(posted["Location"]))
    user = person_of(client)
    assert (user.email, user.name, user.provider) == ("ada@example.com", "Ada Lovelace", "apple")
    assert user.email_verified
    assert social.requests("/token")[0]["client_secret"].count(".") == 2
    assert refusal_of(client.get(posted["Location"])) == "invalid_state"


def test_apple_is_refused_when_another_browser_comes_again(social: FakeProviders) -> None:
    posted = apple_answer(Client())
    assert refusal_of(Client().get(posted["Location"])) == "invalid_state"


@pytest.mark.parametrize(
    "user", ["", "nonsense", "[]", '{"name": "x"}', '{"name": {"firstName": 1}}']
)
def test_apple_name_is_only_a_name(user: str, social: FakeProviders) -> None:
    social.set_person(name=None, given_name=None, family_name=None)
    client = Client()
    assert is_signed_in(client.get(apple_answer(client, user=user)["Location"]))
    assert User.objects.get().name == ""


def test_answer_that_is_too_long_is_refused(social: FakeProviders) -> None:
    assert refusal_of(apple_answer(Client(), user="x" * 400_000)) == "invalid_answer"


@pytest.mark.parametrize("provider", ["google", "github", "discord", "facebook"])
def test_refused_when_answer_comes_twice(provider: str, social: FakeProviders) -> None:
    social.set(discord=DISCORD, facebook=FACEBOOK)
    client = Client()
    callback = callback_of(client, provider)
    assert is_signed_in(client.get(callback))
    assert refusal_of(client.get(callback)) == "invalid_state"


@pytest.mark.parametrize("provider", ["google", "github", "discord", "facebook"])
def test_refused_when_provider_has_trouble(provider: str, social: FakeProviders) -> None:
    social.set(statuses={"/token": 503})
    assert refusal_of(sign_in(Client(), provider)) == "provider_error"
    social.set(error="access_denied")
    assert refusal_of(sign_in(Client(), provider)) == "cancelled"


def test_two_providers_with_one_verified_address_open_one_account(social: FakeProviders) -> None:
    social.set(person=PERSON, discord=DISCORD | {"email": "ada@example.com"})
    assert is_signed_in(sign_in(Client(), "google"))
    assert is_signed_in(sign_in(Client(), "discord"))
    assert User.objects.count() == 1
    assert User.objects.get().provider == "google"


def test_callback_address_may_be_given_whole(social: FakeProviders, set_up: SetUp) -> None:
    set_up(GOOGLE_CALLBACK_URL="https://chat.example.com/base/oauth/google/callback")
    query = parse_qs(urlsplit(Client().get("/oauth/google")["Location"]).query)
    assert query["redirect_uri"] == ["https://chat.example.com/base/oauth/google/callback"]
    set_up(GOOGLE_CALLBACK_URL="/somewhere/else")
    assert refusal_of(Client().get("/oauth/google")) == "not_configured"
    assert CLIENT_PAGE in Client().get("/oauth/google")["Location"]
