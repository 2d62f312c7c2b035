"""A server's worth of chat inside a test: one model, one runtime."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from accounts.models import User
from conversations.chat.jobs import Jobs
from conversations.chat.log.base import EventLog
from conversations.chat.log.memory import MemoryLog
from conversations.chat.log.redis import RedisLog
from conversations.chat.runtime import stop_runtime
from tests.conversations.chat.logs import REDIS_URL, redis_is_there
from tests.conversations.chat.scripted import ChatClient, ScriptedAdapter
from tests.conversations.chat.transcript import FRAMES, Compare, Transcript
from tests.conversations.chat.word_by_word import Script


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


@pytest.fixture
def client(alice: User) -> ChatClient:
    """Alice's."""
    return ChatClient(alice)


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    """The only model there is, which speaks when it is told to."""
    script = Script()
    monkeypatch.setattr("providers.client.load_adapter", lambda kind: script)
    return script


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.redis)])
async def log(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[EventLog]:
    """Each of the two logs."""
    if request.param == "redis" and not redis_is_there():
        pytest.skip(f"NO REDIS at {REDIS_URL}: the log of several processes is not tested")
    log: EventLog = RedisLog(REDIS_URL) if request.param == "redis" else MemoryLog(tmp_path)
    yield log
    await log.close()


@pytest.fixture
async def jobs(log: EventLog, script: Script) -> AsyncIterator[Jobs]:
    """Those of one process."""
    jobs = Jobs("this", log)
    yield jobs
    await jobs.drain(0)


@pytest.fixture
def transcript(alice: User, model: ScriptedAdapter) -> Transcript:
    """Of what Alice sends and is sent."""
    return Transcript(ChatClient(alice))


@pytest.fixture
def golden(transcript: Transcript, request: pytest.FixtureRequest) -> Compare:
    """Compare the transcript with the file of the test's name."""
    name = request.node.name.removeprefix("test_transcript_of_")
    path = FRAMES / f"{name}.txt"

    def compare() -> None:
        if os.environ.get("UPDATE_FRAMES"):
            path.write_text(transcript.text(), encoding="utf-8")
        assert transcript.text() == path.read_text(encoding="utf-8")

    return compare
