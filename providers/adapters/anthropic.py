"""Anthropic's Messages API, through Anthropic's SDK."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, aclosing
from typing import TYPE_CHECKING, Any, cast

from librechat_backend.lib import json
from providers.adapters.anthropic_wire import (
    EventDecoder,
    events_of_body,
    model_names,
    request_body,
)
from providers.adapters.clients import (
    ClientCache,
    http_client,
    is_transport_error,
    refused_address,
)
from providers.adapters.failures import failure, status_failure
from providers.adapters.streaming import UNREADABLE, BodyDecoder, Decoder, read_answer
from providers.base import Connection
from providers.errors import ErrorKind, ProviderError
from providers.types import ChatRequest, StreamEvent

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic

_LIST_TIMEOUT_SECONDS = 30.0
_LIST_LIMIT = 1000


async def _close(client: AsyncAnthropic) -> None:
    await client.close()


clients: ClientCache[AsyncAnthropic] = ClientCache(_close, sdk="anthropic")


class AnthropicAdapter:
    async def stream(
        self, request: ChatRequest, connection: Connection
    ) -> AsyncGenerator[list[StreamEvent], None]:
        async with clients.borrow(connection, lambda: _make_client(connection)) as client:
            answer = read_answer(
                _open(client, connection.overridden(request_body(request))),
                decoder_for=_decoder,
                translate=lambda error: translate(error, connection),
                connection=connection,
            )
            async with aclosing(answer):
                async for events in answer:
                    yield events

    async def close(self) -> None:
        await clients.close()

    async def list_models(self, connection: Connection) -> list[str]:
        async with clients.borrow(connection, lambda: _make_client(connection)) as client:
            try:
                raw = await client.models.with_raw_response.list(
                    limit=_LIST_LIMIT, timeout=_LIST_TIMEOUT_SECONDS
                )
                return model_names(json.loads(await raw.read()))
            except UNREADABLE as error:
                raise failure(ErrorKind.MALFORMED) from error
            except Exception as error:
                raise translate(error, connection) from error


def _make_client(connection: Connection) -> AsyncAnthropic:
    import anthropic

    return anthropic.AsyncAnthropic(
        # The SDK adds the version to the path itself.
        base_url=connection.base_url.rstrip("/").removesuffix("/v1"),
        api_key=connection.api_key,
        default_headers=dict(connection.headers),
        max_retries=0,
        http_client=http_client(anthropic, connect_seconds=connection.connect_timeout_seconds),
    )


def _open(client: AsyncAnthropic, body: dict[str, Any]) -> AbstractAsyncContextManager[Any]:
    # As extra_body, the SDK sends our fields as they are and keeps its hands off the answer.
    messages = cast(Any, client.messages.with_streaming_response)
    opening: AbstractAsyncContextManager[Any] = messages.create(
        model=body["model"], max_tokens=body["max_tokens"], messages=[], extra_body=body
    )
    return opening


def _decoder(is_event_stream: bool) -> Decoder:
    return EventDecoder() if is_event_stream else BodyDecoder(events_of_body)


def translate(error: Exception, connection: Connection) -> ProviderError:
    """The SDK's own timeout is only that of connecting: the watchdog limits the rest."""
    import anthropic

    if refused := refused_address(error):
        return refused
    if isinstance(error, anthropic.APIStatusError):
        body = error.body or error.response.text
        return status_failure(error.status_code, body, error.response.headers, connection)
    if isinstance(error, anthropic.APIError | OSError) or is_transport_error(error):
        return failure(ErrorKind.CONNECTION)
    raise error
