"""The answers the client starts with."""

import pytest
from django.test import Client
from django.urls import include, path
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.models import User
from presets import startup
from providers import windows
from providers.catalog import EndpointInfo
from tests.conftest import ClientFor

pytestmark = pytest.mark.urls(__name__)
urlpatterns = [path("api/", include("presets.urls"))]

OPENAI = EndpointInfo("openAI", False, "OpenAI", "", 0, "openai", ("gpt-4.1", "o3"))
HARBOUR = EndpointInfo("Harbour", True, "Harbour", "/assets/x.png", 1, "compatible", ("tide-1",))

PUBLIC_NAMES = {
    "appTitle", "serverDomain", "emailLoginEnabled", "registrationEnabled",
    "passwordResetEnabled", "emailEnabled", "minPasswordLength", "socialLoginEnabled",
    "socialLogins", "googleLoginEnabled", "facebookLoginEnabled", "githubLoginEnabled",
    "discordLoginEnabled", "appleLoginEnabled", "openidLoginEnabled", "openidLabel",
    "openidAutoRedirect", "samlLoginEnabled", "ldap", "turnstile", "interface",
}  # fmt: skip
SIGNED_IN_NAMES = PUBLIC_NAMES | {
    "balance", "sharedLinksEnabled", "publicSharedLinksEnabled",
    "sharedLinksSnapshotFilesEnabled", "allowAccountDeletion", "helpAndFaqURL",
    "showBirthdayIcon", "titleGenerationTiming", "conversationImportMaxFileSize",
    "fileUploadSseEnabled", "sharePointFilePickerEnabled", "langfuseFanoutEnabled",
    "langfuseConnectionAccess",
}  # fmt: skip


@pytest.fixture
def two_endpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(startup, "list_endpoints", lambda *_of: [OPENAI, HARBOUR])


def test_config_is_public_part_only_when_nobody_is_signed_in(
    client: Client, settings: Settings
) -> None:
    settings.APP_TITLE = "Acme"
    settings.ALLOW_REGISTRATION = False
    config = client.get("/api/config").json()
    assert config.keys() == PUBLIC_NAMES
    assert config["appTitle"] == "Acme"
    assert config["registrationEnabled"] is False
    assert config["emailLoginEnabled"] is True
    assert config["socialLogins"] == []
    assert config["interface"] == {"buildInfo": False}


@pytest.mark.django_db
def test_config_is_public_part_when_token_is_unusable(client: Client) -> None:
    response = client.get("/api/config", headers={"authorization": "Bearer x.y.z"})
    assert response.status_code == 200
    assert response.json().keys() == PUBLIC_NAMES


def test_endpoint_that_only_speaks_is_not_in_the_menu(
    alice: User, client_for: ClientFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    voice = EndpointInfo("Voice", True, "Voice", "", 2, "compatible", ("tts-1", "whisper-1"))
    monkeypatch.setattr(startup, "list_endpoints", lambda *_of: [OPENAI, voice])
    assert client_for(alice).get("/api/endpoints").json().keys() == {"openAI", "agents"}
    assert client_for(alice).get("/api/models").json().keys() == {"openAI", "agents"}


def test_welcome_is_told_where_there_is_one(
    alice: User, client_for: ClientFor, settings: Settings
) -> None:
    settings.CUSTOM_WELCOME = "Ahoy {{user.name}}"
    interface = client_for(alice).get("/api/config").json()["interface"]
    assert interface["customWelcome"] == "Ahoy {{user.name}}"


def test_config_is_complete_when_signed_in(alice: User, client_for: ClientFor) -> None:
    config = client_for(alice).get("/api/config").json()
    assert config.keys() == SIGNED_IN_NAMES
    assert config["interface"] == {
        "modelSelect": True,
        "parameters": True,
        "presets": True,
        "autoSubmitFromUrl": True,
        "contextUsage": True,
        "contextCost": False,
        "buildInfo": False,
        "defaultPinnedTools": [],
        "skills": {"defaultActiveOnShare": False},
        "retentionMode": "temporary",
        "temporaryChatRetention": 720,
    }
    assert config["balance"] == {"enabled": False}
    assert config["titleGenerationTiming"] == "immediate"
    assert config["helpAndFaqURL"] == "https://librechat.ai"


def test_config_carries_footer_when_one_is_set(
    alice: User, client_for: ClientFor, settings: Settings
) -> None:
    settings.CUSTOM_FOOTER = "Acme | [Terms](https://acme.example)"
    config = client_for(alice).get("/api/config").json()
    assert config["customFooter"] == "Acme | [Terms](https://acme.example)"


def test_config_links_to_admin_only_when_person_may_open_it(
    alice: User, admin_user: User, client_for: ClientFor, settings: Settings
) -> None:
    settings.DOMAIN_SERVER = "https://chat.example.com"
    assert "adminPanelURL" not in client_for(alice).get("/api/config").json()
    config = client_for(admin_user).get("/api/config").json()
    assert config["adminPanelURL"] == "https://chat.example.com/admin/"


def test_config_costs_a_constant_number_of_queries_when_signed_in(
    alice: User, client_for: ClientFor, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client = client_for(alice)
    client.get("/api/config")
    with django_assert_num_queries(2):
        client.get("/api/config")


def test_config_refuses_other_methods(client: Client) -> None:
    response = client.post("/api/config")
    assert response.status_code == 404
    assert response.json() == {"message": "Endpoint not found"}


@pytest.mark.usefixtures("two_endpoints")
def test_endpoints_name_type_order_and_icon(alice: User, client_for: ClientFor) -> None:
    assert client_for(alice).get("/api/endpoints").json() == {
        "openAI": {"order": 0, "userProvide": False},
        "Harbour": {
            "order": 1,
            "userProvide": False,
            "type": "custom",
            "modelDisplayLabel": "Harbour",
            "iconURL": "/assets/x.png",
        },
        "agents": {"capabilities": ["context"], "disableBuilder": True, "order": 99},
    }


@pytest.mark.usefixtures("two_endpoints")
def test_models_have_the_keys_of_endpoints(alice: User, client_for: ClientFor) -> None:
    client = client_for(alice)
    models = client.get("/api/models").json()
    assert models == {"openAI": ["gpt-4.1", "o3"], "Harbour": ["tide-1"], "agents": []}
    assert models.keys() == client.get("/api/endpoints").json().keys()


@pytest.mark.parametrize("name", ["initial", "agents", "assistants", "azureAssistants", "custom"])
def test_endpoint_is_left_out_when_client_means_something_else_by_its_name(
    name: str, alice: User, client_for: ClientFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    reserved = EndpointInfo(name, True, name, "", 2, "compatible", ("model",))
    monkeypatch.setattr(startup, "list_endpoints", lambda *_of: [OPENAI, reserved])
    client = client_for(alice)
    assert client.get("/api/models").json() == {"openAI": ["gpt-4.1", "o3"], "agents": []}
    assert client.get("/api/endpoints").json().keys() == {"openAI", "agents"}


@pytest.mark.usefixtures("two_endpoints")
def test_token_config_has_context_of_each_model(
    alice: User, client_for: ClientFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "context_window", lambda model: len(model) * 1000)
    assert client_for(alice).get("/api/endpoints/token-config").json() == {
        "openAI": {"gpt-4.1": {"context": 7000}, "o3": {"context": 2000}},
        "Harbour": {"tide-1": {"context": 6000}},
    }


def test_categories_are_keys_of_translations(alice: User, client_for: ClientFor) -> None:
    categories = client_for(alice).get("/api/categories").json()
    assert len(categories) == 9
    assert categories[2] == {"label": "com_ui_teach_or_explain", "value": "teach_or_explain"}


@pytest.mark.parametrize("path", ["endpoints", "endpoints/token-config", "models", "categories"])
def test_stranger_gets_401_when_asking_for_what_is_on_offer(path: str, client: Client) -> None:
    response = client.get(f"/api/{path}")
    assert response.status_code == 401
    assert response.json() == {"message": "No auth token"}


@pytest.mark.parametrize("path", ["endpoints", "models", "endpoints/token-config"])
def test_offer_costs_two_queries(
    path: str,
    alice: User,
    client_for: ClientFor,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    client = client_for(alice)
    client.get(f"/api/{path}")
    with django_assert_num_queries(2):
        assert client.get(f"/api/{path}").status_code == 200
