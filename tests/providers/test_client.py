"""The one door: plan, retry before the first event, none after it, and closing."""

import asyncio
from typing import Any

import pytest
from pytest_django import Settings

from librechat_backend.lib.aio import close_database_threads, in_database
from providers import client, services
from providers.errors import ErrorKind
from providers.models import Channel
from providers.types import ChatRequest, TextDelta
from tests.providers.conftest import Fake
from tests.providers.helpers import ask, collect, collect_until_error, text_of

pytestmark = pytest.mark.django_db(transaction=True)

HELLO = "Hello from the fake provider."


@pytest.fixture(autouse=True)
def _no_environment(settings: Settings) -> Any:
    settings.PROVIDER_ENVIRONMENT = {}
    yield
    close_database_threads()


def store(fake: Fake, name: str, *secrets: str, sends: str = "gpt-fake", **fields: Any) -> None:
    channel = Channel(
        name=name,
        **{
            "kind": "openai",
            "base_url": f"{fake.url}/v1",
            "model_names": ["m"],
            "model_mapping": {"m": sends},
            **fields,
        },
    )
    services.save_channel(channel=channel)
    for secret in secrets or ("sk-1",):
        services.add_key(channel=channel, secret=secret)


def sent_models(fake: Fake) -> list[str]:
    return [request["body"]["model"] for request in fake.received()]


async def ask_model(text: str = "hi") -> str:
    return text_of(await collect(client.stream(ask(text, "m"), endpoint="openAI")))


def test_next_channel_answers_when_the_first_fails(fake: Fake) -> None:
    store(fake, "first", sends="[[status:500]]", priority=1)
    store(fake, "second")
    assert asyncio.run(ask_model()) == HELLO
    assert sent_models(fake) == ["[[status:500]]", "gpt-fake"]


def test_next_key_answers_when_the_first_is_refused(fake: Fake) -> None:
    store(fake, "bad", "sk-1", "sk-2", "sk-3", sends="[[status:401]]", priority=1)
    store(fake, "good")
    assert asyncio.run(ask_model()) == HELLO
    keys = [request["headers"]["authorization"] for request in fake.received()]
    assert sorted(keys[:3]) == ["Bearer sk-1", "Bearer sk-2", "Bearer sk-3"]
    assert len(keys) == 4


def test_other_keys_are_not_tried_when_the_service_is_down(fake: Fake) -> None:
    store(fake, "down", "sk-1", "sk-2", sends="[[status:503]]", priority=1)
    store(fake, "good")
    assert asyncio.run(ask_model()) == HELLO
    assert len(fake.received()) == 2


def test_unreachable_channel_is_passed_over(fake: Fake) -> None:
    store(fake, "gone", base_url="http://127.0.0.1:9/v1", priority=1)
    store(fake, "good")
    assert asyncio.run(ask_model()) == HELLO


def test_late_first_event_moves_on(fake: Fake) -> None:
    store(fake, "late", sends="[[slow-first:20]]", priority=1, first_event_timeout_seconds=1)
    store(fake, "good")
    assert asyncio.run(ask_model()) == HELLO


@pytest.mark.parametrize(
    ("marker", "kind"),
    [
        ("[[status:400]]", ErrorKind.INVALID_REQUEST),
        ("[[context]]", ErrorKind.CONTEXT_LENGTH),
    ],
)
def test_fault_of_the_request_is_not_retried(fake: Fake, marker: str, kind: ErrorKind) -> None:
    store(fake, "first", sends=marker, priority=1)
    store(fake, "second")
    stream = client.stream(ask("hi", "m"), endpoint="openAI")
    seen, error = asyncio.run(collect_until_error(stream))
    assert (seen, error.kind) == ([], kind)
    assert len(fake.received()) == 1


@pytest.mark.parametrize("marker", ["[[cut]]", "[[malformed]]", "[[error-frame]]"])
def test_channel_is_never_changed_after_the_first_event(fake: Fake, marker: str) -> None:
    store(fake, "first", sends=marker, priority=1)
    store(fake, "second")
    stream = client.stream(ask("hi", "m"), endpoint="openAI")
    seen, error = asyncio.run(collect_until_error(stream))
    assert text_of(seen) == HELLO
    assert error.is_retryable
    assert len(fake.received()) == 1


def test_usage_alone_is_no_beginning(fake: Fake) -> None:
    """Anthropic reports the input before it can fail; that report goes with the attempt."""
    fields = {"kind": "anthropic", "base_url": fake.url, "endpoint": "openAI"}
    store(fake, "first", sends="[[error-frame]] [[say: ]]", priority=1, **fields)
    store(fake, "second")
    events = asyncio.run(collect(client.stream(ask("hi", "m"), endpoint="openAI")))
    assert isinstance(events[0], TextDelta)
    assert text_of(events) == HELLO


def test_first_error_is_raised_when_all_fail(fake: Fake) -> None:
    store(fake, "first", sends="[[status:500]]", priority=1)
    store(fake, "second", sends="[[status:429]]")
    stream = client.stream(ask("hi", "m"), endpoint="openAI")
    _, error = asyncio.run(collect_until_error(stream))
    assert (error.kind, error.status) == (ErrorKind.UPSTREAM, 500)


@pytest.mark.parametrize(("endpoint", "model"), [("openAI", "other"), ("Groq", "m")])
def test_no_channel_is_an_error_of_its_own(fake: Fake, endpoint: str, model: str) -> None:
    store(fake, "mine")
    stream = client.stream(ask("hi", model), endpoint=endpoint)
    _, error = asyncio.run(collect_until_error(stream))
    assert error.kind == ErrorKind.NO_CHANNEL
    assert error.message == f"No active channel serves {model} on {endpoint}."


def test_complete_returns_the_whole_text(fake: Fake) -> None:
    store(fake, "mine")
    request: ChatRequest = ask("[[say:a short title]]", "m")
    assert asyncio.run(client.complete(request, endpoint="openAI")) == "a short title"


async def test_closing_stops_the_provider(fake: Fake) -> None:
    await in_database(store, fake, "mine", sends="[[chunks:5000:0.05]]")
    stream = client.stream(ask("hi", "m"), endpoint="openAI")
    await anext(stream)
    assert await fake.becomes(1, within_seconds=1)
    await stream.aclose()
    assert await fake.becomes(0, within_seconds=1)


async def test_cancelling_before_the_first_token_stops_the_provider(fake: Fake) -> None:
    await in_database(store, fake, "mine", sends="[[slow-first:30]]")
    task = asyncio.create_task(collect(client.stream(ask("hi", "m"), endpoint="openAI")))
    assert await fake.becomes(1, within_seconds=5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await fake.becomes(0, within_seconds=1)


def test_changed_channel_serves_the_next_request(fake: Fake) -> None:
    store(fake, "mine", sends="[[say:old]]")
    assert asyncio.run(ask_model()) == "old"
    channel = Channel.objects.get()
    channel.model_mapping = {"m": "[[say:new]]"}
    services.save_channel(channel=channel)
    assert asyncio.run(ask_model()) == "new"
