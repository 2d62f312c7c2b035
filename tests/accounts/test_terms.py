"""Terms of service: told by the configuration, accepted once."""

from django.test import Client
from pytest_django import Settings

from accounts.models import User
from tests.conftest import ClientFor

LINKS = {
    "privacyPolicy": {"externalUrl": "https://acme.example/privacy", "openNewTab": True},
    "termsOfService": {"externalUrl": "https://acme.example/terms", "openNewTab": True},
}


def interface(client: Client) -> dict[str, object]:
    answer: dict[str, object] = client.get("/api/config").json()["interface"]
    return {name: answer[name] for name in LINKS if name in answer}


def test_nothing_is_told_when_nothing_is_set(
    alice: User, stranger: Client, client_for: ClientFor
) -> None:
    assert interface(stranger) == interface(client_for(alice)) == {}


def test_everybody_sees_the_links_and_only_who_is_signed_in_the_dialog(
    alice: User, stranger: Client, client_for: ClientFor, settings: Settings
) -> None:
    settings.PRIVACY_POLICY_URL = "https://acme.example/privacy"
    settings.TERMS_OF_SERVICE_URL = "https://acme.example/terms"
    assert interface(stranger) == interface(client_for(alice)) == LINKS
    settings.TERMS_OF_SERVICE_TITLE, settings.TERMS_OF_SERVICE_TEXT = "Rules", "# Be kind"
    dialog = {"modalAcceptance": True, "modalTitle": "Rules", "modalContent": "# Be kind"}
    assert interface(stranger) == LINKS
    assert interface(client_for(alice))["termsOfService"] == LINKS["termsOfService"] | dialog
    settings.TERMS_OF_SERVICE_URL = ""
    assert interface(client_for(alice))["termsOfService"] == dialog
