"""A server's worth of chat inside a test: one model, one runtime."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from conversations.chat.runtime import stop_runtime
from tests.conversations.chat.scripted import ScriptedAdapter


@pytest.fixture
async def model(
    monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path
) -> AsyncIterator[ScriptedAdapter]:
    """The only model there is: ``gpt-4.1`` of the endpoint openAI."""
    settings.DEMO_PROVIDER = "false"
    settings.JOURNAL_DIR = tmp_path / "journal"
    settings.PROVIDER_ENVIRONMENT = {
        "OPENAI_API_KEY": "sk-very-secret-key", "OPENAI_MODELS": "gpt-4.1,gpt-4.1-mini",
    }  # fmt: skip
    adapter = ScriptedAdapter()
    monkeypatch.setattr("providers.client.load_adapter", lambda kind: adapter)
    yield adapter
    await stop_runtime(0)
