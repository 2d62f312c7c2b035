"""What tests of presets have: endpoints, whatever the environment holds, and a preset."""

from typing import Any

import pytest

from accounts.models import User
from presets import startup
from presets.models import Preset
from presets.services import save_preset
from providers.catalog import EndpointInfo

OPENAI = EndpointInfo("openAI", False, "OpenAI", "", 0, "openai", ("gpt-4.1", "gpt-4.1-mini", "o3"))
ANTHROPIC = EndpointInfo("anthropic", False, "Anthropic", "", 1, "anthropic", ("claude-opus",))


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> list[EndpointInfo]:
    """The endpoints of this test; change the list to change what is offered."""
    endpoints = [OPENAI, ANTHROPIC]
    monkeypatch.setattr(startup, "list_endpoints", lambda *_of: list(endpoints))
    return endpoints


def make(slug: str = "house", actor: User | None = None, **fields: Any) -> Preset:
    given = {"endpoint": "openAI", "model": "gpt-4.1"} | fields
    return save_preset(actor=actor, preset=None, fields={"slug": slug, "name": slug, **given})
