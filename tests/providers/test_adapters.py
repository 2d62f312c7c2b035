"""Every adapter, against real HTTP; OpenAI's both ways: by our own client, and by its SDK."""

import asyncio
import time
from dataclasses import dataclass, replace

import pytest

from providers.adapters import openai_chat
from providers.adapters.anthropic import AnthropicAdapter
from providers.adapters.azure import AzureAdapter
from providers.adapters.google import GoogleAdapter
from providers.adapters.openai_chat import OpenAIChatAdapter
from providers.base import Adapter, Connection
from providers.errors import ErrorKind
from providers.types import (
    Finish,
    FinishReason,
    Parameters,
    ReasoningDelta,
    StreamEvent,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from tests.providers.conftest import Fake
from tests.providers.helpers import ask, collect, collect_until_error, text_of

KEY = "sk-secret-0123456789"
HELLO = "Hello from the fake provider."


@dataclass(frozen=True)
class Dialect:
    name: str
    adapter: Adapter
    path: str
    model: str
    usage: Usage
    is_proxied: bool = False

    def connection(self, fake: Fake) -> Connection:
        return Connection(base_url=fake.url + self.path, api_key=KEY)


OPENAI_USAGE = Usage(20, 9, cache_read_tokens=5, reasoning_tokens=3)
DIALECTS = [
    Dialect("openai", OpenAIChatAdapter(), "/v1", "gpt-fake", OPENAI_USAGE),
    Dialect("azure", AzureAdapter(), "", "gpt-fake", OPENAI_USAGE),
    Dialect(
        "anthropic",
        AnthropicAdapter(),
        "",
        "claude-haiku-4-5",
        Usage(20, 9, cache_read_tokens=5, cache_write_tokens=2),
    ),
    Dialect("google", GoogleAdapter(), "", "gemini-2.5-flash", OPENAI_USAGE),
]


@pytest.fixture(
    params=[*DIALECTS, replace(DIALECTS[0], is_proxied=True)],
    ids=lambda dialect: f"{dialect.name}{'-proxied' * dialect.is_proxied}",
)
def dialect(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Dialect:
    chosen: Dialect = request.param
    monkeypatch.setattr(openai_chat, "is_proxied", lambda: chosen.is_proxied)
    return chosen


async def run(
    dialect: Dialect, fake: Fake, text: str, parameters: Parameters | None = None
) -> list[StreamEvent]:
    request = ask(text, dialect.model, parameters)
    return await collect(dialect.adapter.stream(request, dialect.connection(fake)))


def last_usage(events: list[StreamEvent]) -> Usage:
    return [event for event in events if isinstance(event, Usage)][-1]


def calls_of(events: list[StreamEvent]) -> tuple[str, str]:
    deltas = [event for event in events if isinstance(event, ToolCallDelta)]
    assert {delta.index for delta in deltas} == {0}
    assert deltas[0].id
    return deltas[0].name, "".join(delta.arguments for delta in deltas).replace(" ", "")


@pytest.mark.parametrize("disable_streaming", [False, True])
async def test_text_usage_and_finish_arrive(
    dialect: Dialect, fake: Fake, disable_streaming: bool
) -> None:
    events = await run(dialect, fake, "hi", Parameters(disable_streaming=disable_streaming))
    assert text_of(events) == HELLO
    assert last_usage(events) == dialect.usage
    assert events[-1] == Finish(FinishReason.STOP)


@pytest.mark.parametrize("disable_streaming", [False, True])
async def test_reasoning_is_told_from_text(
    dialect: Dialect, fake: Fake, disable_streaming: bool
) -> None:
    parameters = Parameters(disable_streaming=disable_streaming)
    events = await run(dialect, fake, "[[reasoning]]", parameters)
    reasoning = "".join(e.text for e in events if isinstance(e, ReasoningDelta))
    assert (reasoning, text_of(events)) == ("Let me think.", HELLO)


@pytest.mark.parametrize("disable_streaming", [False, True])
async def test_tool_call_arrives_with_its_arguments(
    dialect: Dialect, fake: Fake, disable_streaming: bool
) -> None:
    events = await run(dialect, fake, "[[tool]]", Parameters(disable_streaming=disable_streaming))
    assert calls_of(events) == ("get_weather", '{"city":"Paris"}')
    assert events[-1] == Finish(FinishReason.TOOL_CALLS)


@pytest.mark.parametrize("disable_streaming", [False, True])
async def test_refusal_is_a_finish_reason(
    dialect: Dialect, fake: Fake, disable_streaming: bool
) -> None:
    parameters = Parameters(disable_streaming=disable_streaming)
    events = await run(dialect, fake, "[[refusal]]", parameters)
    is_google = dialect.name == "google"
    reason = FinishReason.CONTENT_FILTER if is_google else FinishReason.REFUSAL
    assert text_of(events) == ("" if is_google else "I cannot help with that.")
    assert events[-1] == Finish(reason)


async def test_length_is_a_finish_reason(dialect: Dialect, fake: Fake) -> None:
    events = await run(dialect, fake, "[[length]]")
    assert events[-1] == Finish(FinishReason.LENGTH)


@pytest.mark.parametrize(
    ("marker", "kind", "status"),
    [
        ("[[status:400]]", ErrorKind.INVALID_REQUEST, 400),
        ("[[status:401]]", ErrorKind.AUTHENTICATION, 401),
        ("[[status:403]]", ErrorKind.PERMISSION, 403),
        ("[[status:404]]", ErrorKind.MODEL_NOT_FOUND, 404),
        ("[[status:429]]", ErrorKind.RATE_LIMIT, 429),
        (
            "[[status:429]] [[error:You exceeded your current quota]]",
            ErrorKind.QUOTA,
            429,
        ),
        ("[[status:500]]", ErrorKind.UPSTREAM, 500),
        ("[[status:503]]", ErrorKind.UPSTREAM, 503),
        ("[[context]]", ErrorKind.CONTEXT_LENGTH, 400),
    ],
)
async def test_error_answers_are_classified(
    dialect: Dialect, fake: Fake, marker: str, kind: ErrorKind, status: int
) -> None:
    request = ask(marker, dialect.model)
    events = dialect.adapter.stream(request, dialect.connection(fake))
    seen, error = await collect_until_error(events)
    assert (seen, error.kind, error.status) == ([], kind, status)
    assert error.retry_after_seconds == (7.0 if status == 429 else None)
    assert len(fake.received()) == 1  # no retry of the SDK


async def test_message_holds_the_providers_words_but_no_key(dialect: Dialect, fake: Fake) -> None:
    filler = "x" * 270
    request = ask(f"[[status:401]] [[error:{filler} {KEY} is wrong {filler}]]", dialect.model)
    events = dialect.adapter.stream(request, dialect.connection(fake))
    _, error = await collect_until_error(events)
    assert error.message == (
        f"The provider refused the API key: {filler} [key] is wrong {'x' * 14}"
    )


async def test_slow_first_byte_is_waited_for(dialect: Dialect, fake: Fake) -> None:
    assert text_of(await run(dialect, fake, "[[slow-first:0.3]]")) == HELLO


async def test_first_event_that_takes_too_long_is_a_timeout(dialect: Dialect, fake: Fake) -> None:
    connection = replace(dialect.connection(fake), first_event_timeout_seconds=0.4)
    started = time.monotonic()
    events = dialect.adapter.stream(ask("[[slow-first:20]]", dialect.model), connection)
    seen, error = await collect_until_error(events)
    assert (seen, error.kind) == ([], ErrorKind.TIMEOUT)
    assert time.monotonic() - started < 5
    assert await fake.becomes(0, within_seconds=2)


async def test_silence_after_the_first_words_is_a_timeout(dialect: Dialect, fake: Fake) -> None:
    connection = replace(dialect.connection(fake), idle_timeout_seconds=0.4)
    events = dialect.adapter.stream(ask("[[silence]]", dialect.model), connection)
    seen, error = await collect_until_error(events)
    assert (text_of(seen), error.kind) == (HELLO, ErrorKind.TIMEOUT)
    assert await fake.becomes(0, within_seconds=2)


@pytest.mark.parametrize("marker", ["[[cut]]", "[[no-end]]"])
async def test_stream_without_an_end_is_a_lost_connection(
    dialect: Dialect, fake: Fake, marker: str
) -> None:
    events = dialect.adapter.stream(ask(marker, dialect.model), dialect.connection(fake))
    seen, error = await collect_until_error(events)
    assert (text_of(seen), error.kind) == (HELLO, ErrorKind.CONNECTION)


@pytest.mark.parametrize("marker", ["[[malformed]]", "[[nested]]"])
async def test_malformed_frame_is_an_error_after_what_arrived(
    dialect: Dialect, fake: Fake, marker: str
) -> None:
    events = dialect.adapter.stream(ask(marker, dialect.model), dialect.connection(fake))
    seen, error = await collect_until_error(events)
    assert (text_of(seen), error.kind) == (HELLO, ErrorKind.MALFORMED)


async def test_error_frame_is_classified_after_what_arrived(dialect: Dialect, fake: Fake) -> None:
    events = dialect.adapter.stream(ask("[[error-frame]]", dialect.model), dialect.connection(fake))
    seen, error = await collect_until_error(events)
    assert (text_of(seen), error.kind) == (HELLO, ErrorKind.UPSTREAM)
    assert error.message == "The provider failed: Overloaded, try again later."


async def test_characters_may_be_split_between_chunks(dialect: Dialect, fake: Fake) -> None:
    assert text_of(await run(dialect, fake, "[[split-utf8]]")) == "Grüße 👋 世界"


async def test_stream_cut_into_many_chunks_is_put_together(dialect: Dialect, fake: Fake) -> None:
    expected = "".join(f"word{number} " for number in range(300))
    assert text_of(await run(dialect, fake, "[[chunks:300:0]]")) == expected


async def test_refused_connection_is_a_connection_error(dialect: Dialect, fake: Fake) -> None:
    connection = replace(dialect.connection(fake), base_url="http://127.0.0.1:9")
    seen, error = await collect_until_error(
        dialect.adapter.stream(ask("hi", dialect.model), connection)
    )
    assert (seen, error.kind, error.status) == ([], ErrorKind.CONNECTION, 0)


async def test_closing_after_the_first_event_stops_the_provider(
    dialect: Dialect, fake: Fake
) -> None:
    events = dialect.adapter.stream(
        ask("[[chunks:5000:0.05]]", dialect.model), dialect.connection(fake)
    )
    await anext(events)
    assert await fake.becomes(1, within_seconds=1)
    await events.aclose()
    assert await fake.becomes(0, within_seconds=1)


@pytest.mark.parametrize("marker", ["[[chunks:5000:0.05]]", "[[slow-first:30]]"])
async def test_cancelling_stops_the_provider_even_before_the_first_token(
    dialect: Dialect, fake: Fake, marker: str
) -> None:
    events = dialect.adapter.stream(ask(marker, dialect.model), dialect.connection(fake))
    task = asyncio.create_task(collect(events))
    assert await fake.becomes(1, within_seconds=5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await fake.becomes(0, within_seconds=1)


async def test_models_are_listed(dialect: Dialect, fake: Fake) -> None:
    expected = {
        "openai": ["fake-large", "fake-small"],
        "azure": ["fake-large", "fake-small"],
        "anthropic": ["claude-fake"],
        "google": ["gemini-fake"],
    }
    names = await dialect.adapter.list_models(dialect.connection(fake))
    assert names == expected[dialect.name]


async def test_extra_headers_and_key_are_sent(dialect: Dialect, fake: Fake) -> None:
    connection = replace(dialect.connection(fake), headers=(("X-Extra", "yes"),))
    await collect(dialect.adapter.stream(ask("hi", dialect.model), connection))
    (request,) = fake.received()
    keys = {
        "openai": ("authorization", f"Bearer {KEY}"),
        "azure": ("api-key", KEY),
        "anthropic": ("authorization", f"Bearer {KEY}"),
        "google": ("x-goog-api-key", KEY),
    }
    name, value = keys[dialect.name]
    assert request["headers"][name] == value
    assert request["headers"]["x-extra"] == "yes"


async def test_whole_body_is_read_when_a_service_ignores_the_wish_to_stream(fake: Fake) -> None:
    for dialect in DIALECTS[:3]:
        assert text_of(await run(dialect, fake, "[[ignore-stream]]")) == HELLO


async def test_azure_calls_the_deployment_with_its_version(fake: Fake) -> None:
    connection = Connection(
        base_url=fake.url,
        api_key=KEY,
        options=(("api_version", "2025-01-01"), ("deployment", "my-gpt")),
    )
    await collect(AzureAdapter().stream(ask("hi", "gpt-4o"), connection))
    (request,) = fake.received()
    assert request["path"] == "/openai/deployments/my-gpt/chat/completions?api-version=2025-01-01"


async def test_adjacent_text_of_one_network_chunk_is_one_event(fake: Fake) -> None:
    request = ask("[[chunks:400:0]]", "gpt-fake")
    batches = [
        batch async for batch in OpenAIChatAdapter().stream(request, DIALECTS[0].connection(fake))
    ]
    assert max(len(batch) for batch in batches) <= 2
    assert sum(isinstance(e, TextDelta) for batch in batches for e in batch) < 100
