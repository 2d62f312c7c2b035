"""Google Gemini, through Google's SDK, which offers no way to the bytes of a stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, cast

from providers.adapters.clients import ClientCache, is_transport_error
from providers.adapters.failures import failure, status_failure, without_key
from providers.adapters.google_wire import ResponseReader, chat_model_names, config, contents
from providers.adapters.streaming import Watchdog
from providers.base import Connection
from providers.errors import ErrorKind, ProviderError
from providers.types import ChatRequest, StreamEvent

if TYPE_CHECKING:
    from google.genai import Client

_LIST_TIMEOUT_SECONDS = 30.0


async def _close(client: Client) -> None:
    await client.aio.aclose()
    client.close()


clients: ClientCache[Client] = ClientCache(_close)


class GoogleAdapter:
    async def stream(
        self, request: ChatRequest, connection: Connection
    ) -> AsyncGenerator[list[StreamEvent], None]:
        async with clients.borrow(connection, lambda: _make_client(connection)) as client:
            try:
                async with aclosing(_events(client, request, connection)) as batches:
                    async for events in batches:
                        yield events
            except ProviderError as error:
                raise without_key(error, connection) from error.__cause__
            except Exception as error:
                raise translate(error, connection) from error

    async def close(self) -> None:
        await clients.close()

    async def list_models(self, connection: Connection) -> list[str]:
        async with clients.borrow(connection, lambda: _make_client(connection)) as client:
            try:
                async with asyncio.timeout(_LIST_TIMEOUT_SECONDS):
                    return chat_model_names(
                        [model async for model in await client.aio.models.list()]
                    )
            except Exception as error:
                raise translate(error, connection) from error


async def _events(
    client: Client, request: ChatRequest, connection: Connection
) -> AsyncGenerator[list[StreamEvent], None]:
    watchdog, reader = Watchdog(connection), ResponseReader()
    async with aclosing(_responses(client, request, watchdog)) as responses:
        async for response in responses:
            if events := reader.read(response):
                watchdog.has_begun = True
                yield events
    yield reader.end()


async def _responses(
    client: Client, request: ChatRequest, watchdog: Watchdog
) -> AsyncGenerator[Any, None]:
    """The SDK's answers: one for each frame, or a single one when streaming is off."""
    models = cast(Any, client.aio.models)
    arguments = {
        "model": request.model,
        "contents": contents(request),
        "config": config(request),
    }
    if request.parameters.disable_streaming:
        yield await watchdog.wait(models.generate_content(**arguments))
        return
    stream = await watchdog.wait(models.generate_content_stream(**arguments))
    async with aclosing(stream):
        while (response := await watchdog.wait(anext(stream, None))) is not None:
            yield response


def _make_client(connection: Connection) -> Client:
    from google.genai import Client
    from google.genai.types import HttpOptions, HttpRetryOptions

    return Client(
        api_key=connection.api_key,
        vertexai=False,
        http_options=HttpOptions(
            base_url=connection.base_url.rstrip("/").removesuffix("/v1beta"),
            api_version="v1beta",
            headers=dict(connection.headers),
            retry_options=HttpRetryOptions(attempts=1),
        ),
    )


def translate(error: Exception, connection: Connection) -> ProviderError:
    from google.genai.errors import APIError

    if isinstance(error, APIError):
        headers = getattr(error.response, "headers", None) or {}
        return status_failure(error.code, error.details, headers, connection)
    if isinstance(error, TimeoutError):
        return failure(ErrorKind.TIMEOUT)
    if isinstance(error, OSError) or is_transport_error(error):
        return failure(ErrorKind.CONNECTION)
    if isinstance(error, ValueError):  # what the SDK could not parse
        return failure(ErrorKind.MALFORMED)
    raise error
