import pytest

from providers import catalog, client
from providers.adapters import demo_texts
from providers.adapters.demo import DemoAdapter
from providers.base import Connection
from providers.errors import ErrorKind
from providers.types import (
    ChatRequest,
    Finish,
    FinishReason,
    Message,
    ReasoningDelta,
    TextDelta,
    TextPart,
    Usage,
)
from tests.providers.helpers import ask, collect, collect_until_error, text_of

FAST = Connection(base_url="", api_key="", options=(("word_pause_ms", "0.001"),))


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("hi", demo_texts.GREETING),
        ("Show me CODE, please", demo_texts.ANSWERS["code"]),
        ("markdown", demo_texts.ANSWERS["markdown"]),
        ("something long", demo_texts.ANSWERS["long"]),
        ("encode this", demo_texts.GREETING),
    ],
)
async def test_keyword_chooses_the_answer(text: str, answer: str) -> None:
    assert text_of(await collect(DemoAdapter().stream(ask(text), FAST))) == answer


@pytest.mark.parametrize(
    ("model", "answer"),
    [
        ("demo-markdown", demo_texts.ANSWERS["markdown"]),
        ("demo-code", demo_texts.ANSWERS["code"]),
        ("demo-echo", demo_texts.echo("code", 0)),
    ],
)
async def test_model_chooses_the_answer_before_keywords_do(model: str, answer: str) -> None:
    assert text_of(await collect(DemoAdapter().stream(ask("code", model), FAST))) == answer


@pytest.mark.parametrize("text", [demo_texts.GREETING, *demo_texts.ANSWERS.values()])
def test_every_answer_says_that_it_is_a_demo(text: str) -> None:
    assert text.startswith("> **Demo:** this is a prepared text, not the answer of a model.")


async def test_reasoning_comes_before_the_answer() -> None:
    events = await collect(DemoAdapter().stream(ask("", "demo-reasoning"), FAST))
    reasoning = "".join(e.text for e in events if isinstance(e, ReasoningDelta))
    assert reasoning == demo_texts.REASONING
    first_text = next(i for i, e in enumerate(events) if isinstance(e, TextDelta))
    assert not any(isinstance(e, ReasoningDelta) for e in events[first_text:])


async def test_usage_and_finish_close_the_answer() -> None:
    events = await collect(DemoAdapter().stream(ask("12345678", "demo-echo"), FAST))
    assert isinstance(events[-2], Usage)
    assert events[-2].input_tokens == 3
    assert events[-1] == Finish(FinishReason.STOP)


async def test_failing_model_fails_before_the_first_word() -> None:
    seen, error = await collect_until_error(DemoAdapter().stream(ask("", "demo-failing"), FAST))
    assert (seen, error.kind, error.status) == ([], ErrorKind.UPSTREAM, 500)


async def test_breaking_model_fails_after_part_of_the_answer() -> None:
    seen, error = await collect_until_error(DemoAdapter().stream(ask("", "demo-breaking"), FAST))
    assert error.kind == ErrorKind.CONNECTION
    assert text_of(seen) == demo_texts.ANSWERS["break"].removesuffix("sentence.\n")


@pytest.mark.django_db(transaction=True)
async def test_title_is_the_first_words_when_the_purpose_is_a_title() -> None:
    request = ChatRequest(
        model="demo-slow",
        purpose="title",
        messages=(Message("user", (TextPart("how do I bake *good* bread, quickly?"),)),),
    )
    assert await client.complete(request, endpoint="Demo") == "How do I bake good bread"


@pytest.mark.django_db
def test_demo_is_the_only_endpoint_when_nothing_is_configured() -> None:
    (endpoint,) = catalog.list_endpoints()
    assert (endpoint.name, endpoint.is_custom, endpoint.order) == ("Demo", True, 0)
    assert endpoint.models[0] == "demo-assistant"
