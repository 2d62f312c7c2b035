from collections.abc import AsyncGenerator

from providers.errors import ProviderError
from providers.types import ChatRequest, Message, Parameters, StreamEvent, TextDelta, TextPart


def ask(
    text: str, model: str = "demo-assistant", parameters: Parameters | None = None
) -> ChatRequest:
    messages = (Message("user", (TextPart(text),)),)
    return ChatRequest(model=model, messages=messages, parameters=parameters or Parameters())


async def collect(events: AsyncGenerator[list[StreamEvent], None]) -> list[StreamEvent]:
    return [event async for batch in events for event in batch]


async def collect_until_error(
    events: AsyncGenerator[list[StreamEvent], None],
) -> tuple[list[StreamEvent], ProviderError]:
    """What arrived, and the error that ended it; fails when there was none."""
    seen: list[StreamEvent] = []
    try:
        async for batch in events:
            seen += batch
    except ProviderError as error:
        return seen, error
    raise AssertionError("the stream ended without an error")


def text_of(events: list[StreamEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))
