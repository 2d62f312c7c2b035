"""The chat's endpoints: what the lines of the server's log hold."""

import logging
from collections.abc import Iterator

import pytest
import structlog

from librechat_backend.lib import logs
from providers.errors import ErrorKind, ProviderError
from providers.types import TextDelta
from tests.conversations.chat.scripted import ChatClient, ScriptedAdapter, payload
from tests.conversations.chat.turns import START, whole_turn

pytestmark = pytest.mark.django_db(transaction=True)

SECRETS = (
    "When is high tide", "At noon", "Tides", "be-my-prompt", "sk-very-secret-key", "quoted-words",
    "edited-words", "broken-json-words", "provider-says",
)  # fmt: skip


@pytest.fixture
def log_lines() -> Iterator[list[str]]:
    """Each line of all loggers at DEBUG, rendered as the server renders it."""
    lines: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    config = logs.logging_settings(level="debug", as_json=True)["formatters"]["structured"]
    collector = Collector()
    collector.setFormatter(structlog.stdlib.ProcessorFormatter(
        processors=config["processors"], foreign_pre_chain=config["foreign_pre_chain"]
    ))  # fmt: skip
    root = logging.getLogger()
    level = root.level
    root.addHandler(collector)
    root.setLevel(logging.DEBUG)
    yield lines
    root.setLevel(level)
    root.removeHandler(collector)


async def test_no_line_of_the_log_holds_what_was_said(
    client: ChatClient, model: ScriptedAdapter, log_lines: list[str]
) -> None:
    first = await whole_turn(client, model, promptPrefix="be-my-prompt", quotes=["quoted-words"])
    place = {"conversationId": first["conversation"]["conversationId"]}
    model.say(TextDelta("At noon"))
    model.fail(ProviderError(ErrorKind.UPSTREAM, "provider-says: When is high tide", 500))
    await client.final(await client.start(**place))
    model.fail(ProviderError(ErrorKind.AUTHENTICATION, "provider-says: sk-very-secret-key", 401))
    await client.final(await client.start(**place))
    model.fail(RuntimeError("an adapter that breaks its word"))
    await client.final(await client.start(**place))
    started = await client.start(**place)
    await client.stream(started).frames(2)
    await client.post("/api/agents/chat/abort", {"conversationId": started["streamId"]})
    await client.post(START, b'{"text": "broken-json-words')
    await client.post(START, payload(text="edited-words", temperature="warm"))
    await client.get(f"/api/agents/chat/status/{started['streamId']}")
    everything = "\n".join(log_lines)
    for event in ("turn_failed", "provider_attempt_failed", "turn_crashed"):
        assert event in everything  # the test would see a leak
    assert [secret for secret in (*SECRETS, client.token) if secret in everything] == []
