"""Which endpoint and model a turn runs on."""

from dataclasses import replace

import pytest

from accounts.models import User
from librechat_backend.lib.errors import InvalidRequest
from presets import startup
from presets.resolver import ResolvedTurn, resolve_turn
from providers.catalog import EndpointInfo
from providers.route_table import Principal

pytestmark = pytest.mark.django_db

OPENAI = EndpointInfo("openAI", False, "OpenAI", "", 0, "openai", ("gpt-4.1", "o3"))
EMPTY = EndpointInfo("Empty", True, "Empty", "", 1, "compatible", ())


@pytest.fixture(autouse=True)
def endpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(startup, "list_endpoints", lambda *_of: [OPENAI, EMPTY])


def resolve(endpoint: str, model: str) -> ResolvedTurn:
    return resolve_turn(User(), endpoint=endpoint, model=model, spec="")


def refusal(endpoint: str, model: str) -> tuple[int, dict[str, object]]:
    with pytest.raises(InvalidRequest) as caught:
        resolve(endpoint, model)
    return caught.value.status, caught.value.body()


def test_turn_is_resolved_when_endpoint_offers_the_model() -> None:
    expected = ResolvedTurn("openAI", is_custom=False, kind="openai", model="o3", label="OpenAI")
    assert replace(resolve("openAI", "o3"), principal=Principal()) == expected


def test_first_model_is_taken_when_none_is_named() -> None:
    assert resolve("openAI", "").model == "gpt-4.1"


def test_turn_is_refused_when_endpoint_lacks_the_model() -> None:
    body = {"type": "illegal_model_request", "info": "openAI|gpt-9"}
    assert refusal("openAI", "gpt-9") == (400, body)


def test_turn_is_refused_when_endpoint_is_unknown() -> None:
    assert refusal("x", "y") == (400, {"type": "illegal_model_request", "info": "x|y"})


def test_turn_is_refused_when_endpoint_has_no_models() -> None:
    assert refusal("Empty", "") == (400, {"type": "endpoint_models_not_loaded", "info": "Empty"})
