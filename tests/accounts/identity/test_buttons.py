"""What the sign-in page is told (contract 01 §5.1)."""

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from pytest_django import Settings

from accounts.identity import configuration
from librechat_backend.checks import check_identity_providers, check_openid_issuer
from tests.accounts.identity.conftest import FakeProviders, SetUp


def config() -> dict[str, Any]:
    answer: dict[str, Any] = Client().get("/api/config").json()
    return answer


def enabled() -> set[str]:
    suffix = "LoginEnabled"
    return {
        name.removesuffix(suffix)
        for name, value in config().items()
        if name.endswith(suffix) and value is True
    } - {"email", "social"}


def test_nothing_when_nothing_is_set_up(db: None) -> None:
    answer = config()
    assert answer["socialLoginEnabled"] is False
    assert answer["socialLogins"] == []
    assert enabled() == set()
    assert answer["ldap"] == {"enabled": False}
    assert answer["openidLabel"] == "Continue with OpenID"
    assert not {"openidImageUrl", "samlLabel", "samlImageUrl"} & answer.keys()


def test_buttons_of_what_is_set_up(openid: FakeProviders, set_up: SetUp) -> None:
    set_up(
        GOOGLE_CLIENT_ID="x",
        GOOGLE_CLIENT_SECRET="x",
        GITHUB_CLIENT_ID="no secret",
        OPENID_BUTTON_LABEL="Sign in with Acme",
        OPENID_IMAGE_URL="https://acme.example/logo.png",
        OPENID_AUTO_REDIRECT="true",
        SOCIAL_LOGINS="openid, google",
    )
    answer = config()
    assert answer["socialLoginEnabled"] is True
    assert answer["socialLogins"] == ["openid", "google"]
    assert enabled() == {"openid", "google"}
    assert answer["openidLabel"] == "Sign in with Acme"
    assert answer["openidImageUrl"] == "https://acme.example/logo.png"
    assert answer["openidAutoRedirect"] is True
    assert answer["serverDomain"] == "http://localhost:8000"


def test_order_is_librechats_when_none_is_set(openid: FakeProviders) -> None:
    order = ["google", "facebook", "openid", "github", "discord", "apple", "saml"]
    assert config()["socialLogins"] == order


def test_saml_steps_back_where_there_is_openid(openid: FakeProviders, set_up: SetUp) -> None:
    set_up(SAML_ENTRY_POINT="https://id.example", SAML_ISSUER="chat", SAML_CERT="x" * 500)
    assert enabled() == {"openid"}
    set_up(OPENID_CLIENT_ID="", SAML_BUTTON_LABEL="Acme", SAML_IMAGE_URL="https://a.example/i.png")
    assert enabled() == {"saml"}
    answer = config()
    assert (answer["samlLabel"], answer["samlImageUrl"]) == ("Acme", "https://a.example/i.png")


def test_no_button_works_when_social_sign_in_is_off(
    openid: FakeProviders, settings: Settings
) -> None:
    settings.ALLOW_SOCIAL_LOGIN = False
    assert enabled() == set()


def test_registration_is_closed_where_a_directory_has_the_people(db: None, set_up: SetUp) -> None:
    assert config()["registrationEnabled"] is True
    set_up(LDAP_URL="ldap://127.0.0.1", LDAP_USER_SEARCH_BASE="dc=x")
    answer = config()
    assert answer["ldap"] == {"enabled": True}
    assert answer["registrationEnabled"] is False
    form = {"name": "Ada", "email": "ada@example.com", "password": "analytical engine"}
    registered = Client().post(
        "/api/auth/register",
        form | {"confirm_password": form["password"]},
        content_type="application/json",
    )
    assert registered.status_code == 403
    set_up(LDAP_LOGIN_USES_USERNAME="true")
    assert config()["ldap"] == {"enabled": True, "username": True}


@pytest.mark.parametrize(
    "variables",
    [
        {"SOCIAL_LOGINS": "google,myspace"},
        {"OPENID_CLIENT_ID": "x", "OPENID_ISSUER": "id.example.com"},
        {"OPENID_AUTO_REDIRECT": "sometimes"},
        {"GOOGLE_CLIENT_ID": "x", "GOOGLE_CLIENT_SECRET": "x", "GOOGLE_CALLBACK_URL": "/cb"},
        {"APPLE_CLIENT_ID": "x", "APPLE_PRIVATE_KEY_PATH": "/nowhere/at/all"},
        {"SAML_ENTRY_POINT": "https://x.example", "SAML_ISSUER": "x", "SAML_CERT": "/nowhere"},
        {"LDAP_URL": "https://x.example", "LDAP_USER_SEARCH_BASE": "x"},
    ],
)
def test_start_is_refused_when_a_setting_cannot_be_right(
    variables: dict[str, str], openid: FakeProviders, set_up: SetUp
) -> None:
    assert check_identity_providers() == []
    set_up(**variables)
    with pytest.raises(ImproperlyConfigured):
        configuration.read_everything()
    (found,) = check_identity_providers()
    assert found.id == "librechat_backend.E008"
    assert any(name in str(found.msg) for name in variables)


@pytest.mark.parametrize(
    ("issuer", "warnings"),
    [
        ("", 0),
        ("https://id.example.com", 0),
        ("http://127.0.0.1:8080", 0),
        ("http://localhost", 0),
        ("http://id.example.com", 1),
    ],
)
def test_warned_when_provider_is_reached_in_the_clear(
    issuer: str, warnings: int, set_up: SetUp
) -> None:
    set_up(OPENID_ISSUER=issuer)
    assert len(check_openid_issuer()) == warnings
