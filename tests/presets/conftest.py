"""Endpoints that are there in all tests of presets, whatever the environment holds."""

import pytest

from presets import startup
from providers.catalog import EndpointInfo

OPENAI = EndpointInfo("openAI", False, "OpenAI", "", 0, "openai", ("gpt-4.1", "gpt-4.1-mini", "o3"))
ANTHROPIC = EndpointInfo("anthropic", False, "Anthropic", "", 1, "anthropic", ("claude-opus",))


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> list[EndpointInfo]:
    """The endpoints of this test; change the list to change what is offered."""
    endpoints = [OPENAI, ANTHROPIC]
    monkeypatch.setattr(startup, "list_endpoints", lambda *_of: list(endpoints))
    return endpoints
