"""The client hides attaching while uploads are not built (contract 04 §1.3, §1.15)."""

import pytest
from django.urls import include, path

from accounts.models import User
from librechat_backend.switched_off import urlpatterns as answers
from tests.conftest import ClientFor

pytestmark = pytest.mark.urls(__name__)
urlpatterns = [path("api/", include(answers))]


def test_every_endpoint_is_disabled_in_file_config(alice: User, client_for: ClientFor) -> None:
    disabled = {"disabled": True}
    assert client_for(alice).get("/api/files/config").json() == {
        "endpoints": {
            "default": disabled,
            "agents": disabled,
            "custom": disabled,
            "anthropic": disabled,
            "assistants": disabled,
            "azureAssistants": disabled,
        }
    }


def test_speech_is_left_to_the_browser(alice: User, client_for: ClientFor) -> None:
    client = client_for(alice)
    config = client.get("/api/files/speech/config/get").json()
    assert config == {"sttExternal": False, "ttsExternal": False}
    assert client.get("/api/files/speech/tts/voices").json() == []
