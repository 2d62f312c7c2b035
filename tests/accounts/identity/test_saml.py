"""SAML, with pysaml2 as the provider."""

import base64
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import Group, IdentityRule, User
from tests.accounts.identity.conftest import (
    CLIENT_PAGE,
    SetUp,
    is_signed_in,
    person_of,
    refusal_of,
)
from tests.factories import UserFactory
from tests.saml_provider import ENTRY_POINT, IDP, SP, XMLSEC, Answer, SAMLProvider

CALLBACK = "/oauth/saml/callback"
MISSING = "NO SAML PROVIDER: xmlsec1 is not installed, so SAML was NOT tested."


@pytest.fixture(scope="session")
def saml_process(tmp_path_factory: pytest.TempPathFactory) -> SAMLProvider:
    if XMLSEC is None:
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    return SAMLProvider(tmp_path_factory.mktemp("saml"), f"{CLIENT_PAGE}{CALLBACK}")


@pytest.fixture
def saml(saml_process: SAMLProvider, settings: Settings, set_up: SetUp, db: None) -> SAMLProvider:
    settings.ALLOW_SOCIAL_LOGIN = settings.ALLOW_SOCIAL_REGISTRATION = True
    settings.LOGIN_MAX = 1000
    settings.DOMAIN_CLIENT = settings.DOMAIN_SERVER = CLIENT_PAGE
    set_up(
        SAML_ENTRY_POINT=ENTRY_POINT,
        SAML_ISSUER=SP,
        SAML_CERT=str(saml_process.certificate_path),
        SAML_IDP_ISSUER=IDP,
    )
    return saml_process


def form_for(client: Client, saml: SAMLProvider, **answer: Any) -> dict[str, str]:
    begun = client.get("/oauth/saml")
    assert begun["Location"].startswith(f"{ENTRY_POINT}?SAMLRequest=")
    return saml.answer(begun["Location"], Answer(**answer))


def post(client: Client, form: dict[str, str]) -> Any:
    """The page of the provider posts without our cookie; the browser follows with it."""
    posted = Client().post(
        CALLBACK, urlencode(form), content_type="application/x-www-form-urlencoded"
    )
    return client.get(posted["Location"]) if posted.status_code == 303 else posted


def sign_in(client: Client, saml: SAMLProvider, **answer: Any) -> Any:
    return post(client, form_for(client, saml, **answer))


def test_account_is_made(saml: SAMLProvider) -> None:
    client = Client()
    assert is_signed_in(sign_in(client, saml))
    user = person_of(client)
    assert (user.email, user.name, user.username) == ("ada@example.com", "Ada Lovelace", "ada")
    assert (user.provider, user.email_verified) == ("saml", True)
    again = Client()
    assert is_signed_in(sign_in(again, saml, person={"email": "new@example.com"}))
    assert person_of(again).email == "new@example.com"
    assert User.objects.count() == 1


def test_existing_account_is_linked(saml: SAMLProvider, settings: Settings) -> None:
    settings.EMAIL_ENABLED = True
    ada = UserFactory.create(email="ada@example.com", email_verified=True)
    client = Client()
    assert is_signed_in(sign_in(client, saml))
    assert person_of(client) == ada


def test_rules_read_attributes(saml: SAMLProvider) -> None:
    group = Group.objects.create(name="Lab", slug="lab")
    IdentityRule.objects.create(effect="require", claim="groups", value="staff", provider="saml")
    IdentityRule.objects.create(effect="group", claim="groups", value="lab", group=group)
    assert is_signed_in(sign_in(Client(), saml))
    assert User.objects.get().memberships.get().group == group
    assert refusal_of(sign_in(Client(), saml, person={"email": "e@example.com"})) == (
        "requirement_not_met"
    )


def test_attributes_have_the_names_of_the_environment(saml: SAMLProvider, set_up: SetUp) -> None:
    mail = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress"
    set_up(SAML_EMAIL_CLAIM=mail, SAML_NAME_CLAIM="displayName", SAML_USERNAME_CLAIM="account")
    person = {mail: "ada@example.org", "displayName": "Countess", "account": "a.l", "email": "x"}
    assert is_signed_in(sign_in(Client(), saml, person=person))
    user = User.objects.get()
    assert (user.email, user.name, user.username) == ("ada@example.org", "Countess", "a.l")


def test_signed_response_is_enough_when_it_is_asked_for(saml: SAMLProvider, set_up: SetUp) -> None:
    set_up(SAML_USE_AUTHN_RESPONSE_SIGNED="true")
    assert refusal_of(sign_in(Client(), saml)) == "invalid_answer"
    assert is_signed_in(sign_in(Client(), saml, signs_assertion=False, signs_response=True))


def test_any_name_of_the_provider_when_none_is_set(saml: SAMLProvider, set_up: SetUp) -> None:
    set_up(SAML_IDP_ISSUER="", SAML_CERT=saml.certificate)
    assert is_signed_in(sign_in(Client(), saml))


def test_transient_name_stands_for_the_address(saml: SAMLProvider) -> None:
    transient = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
    for name in ("one", "two"):
        assert is_signed_in(sign_in(Client(), saml, name_id=name, name_id_format=transient))
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    "answer",
    [
        {"signs_assertion": False},
        {"signs_assertion": False, "signs_response": True},
        {"changes": {"in_response_to": "_another-request"}},
        {"changes": {"destination": "https://elsewhere.example.com/acs"}},
        {"name_id": "x" * 300},
    ],
)
def test_refused_when_answer_is_not_good(answer: dict[str, Any], saml: SAMLProvider) -> None:
    assert refusal_of(sign_in(Client(), saml, **answer)) == "invalid_answer"
    assert User.objects.count() == 0


@pytest.mark.parametrize("change", ["ada@example.com", "ada-persistent", "staff"])
def test_refused_when_answer_was_changed(change: str, saml: SAMLProvider) -> None:
    client = Client()
    form = form_for(client, saml)
    xml = base64.b64decode(form["SAMLResponse"]).decode()
    assert change in xml
    forged = xml.replace(change, "x" + change[1:]).encode()
    form["SAMLResponse"] = base64.b64encode(forged).decode()
    assert refusal_of(post(client, form)) == "invalid_answer"


def test_refused_when_a_second_assertion_is_wrapped_in(saml: SAMLProvider) -> None:
    client = Client()
    form = form_for(client, saml)
    xml = base64.b64decode(form["SAMLResponse"]).decode()
    begin, end = xml.index("<ns1:Assertion"), xml.index("</ns1:Assertion>")
    signed = xml[begin : end + len("</ns1:Assertion>")]
    forged = signed.replace("ada@example.com", "boss@example.com").replace(' ID="', ' ID="x', 1)
    wrapped = xml.replace(signed, forged + signed).encode()
    form["SAMLResponse"] = base64.b64encode(wrapped).decode()
    assert refusal_of(post(client, form)) == "invalid_answer"


def test_refused_when_another_key_signed(saml: SAMLProvider, set_up: SetUp, tmp_path: Path) -> None:
    other = SAMLProvider(tmp_path, saml.callback_url)
    assert refusal_of(sign_in(Client(), other)) == "invalid_answer"
    set_up(SAML_IDP_ISSUER="")
    assert refusal_of(sign_in(Client(), other)) == "invalid_answer"


def test_refused_when_another_issuer_says_so(saml: SAMLProvider, set_up: SetUp) -> None:
    set_up(SAML_IDP_ISSUER="https://another.example.com/metadata")
    assert refusal_of(sign_in(Client(), saml)) == "invalid_answer"


def test_refused_when_answer_comes_twice(saml: SAMLProvider) -> None:
    client = Client()
    form = form_for(client, saml)
    assert is_signed_in(post(client, form))
    assert refusal_of(post(client, form)) == "invalid_state"
    again = form_for(client, saml)
    assert refusal_of(post(client, form | {"RelayState": again["RelayState"]})) == "invalid_answer"


def test_refused_when_another_browser_answers(saml: SAMLProvider) -> None:
    form = form_for(Client(), saml)
    other = Client()
    other.get("/oauth/saml")
    assert refusal_of(post(other, form)) == "invalid_state"


def test_refused_when_nobody_asked(saml: SAMLProvider) -> None:
    """Answers the provider sends of its own accord are not taken."""
    form = form_for(Client(), saml)
    client = Client()
    client.get("/oauth/saml")
    assert refusal_of(post(client, form | {"RelayState": ""})) == "invalid_state"
    assert refusal_of(client.get(CALLBACK, form)) == "invalid_state"


@pytest.mark.parametrize(
    "response", ["", "nonsense", "PGE+", base64.b64encode(b"<!DOCTYPE a [<!ENTITY b 'c'>]><a/>")]
)
def test_refused_when_answer_is_nonsense(response: Any, saml: SAMLProvider) -> None:
    client = Client()
    form = form_for(client, saml)
    assert refusal_of(post(client, form | {"SAMLResponse": response})) == "invalid_answer"


def test_refused_when_answer_is_for_another_installation(saml: SAMLProvider, set_up: SetUp) -> None:
    client = Client()
    form = form_for(client, saml)
    set_up(SAML_ISSUER="https://another.example.com/sp")
    assert refusal_of(post(client, form)) == "invalid_answer"
