"""Google Gemini, through Google's SDK, which offers no way to the bytes of a stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from providers.adapters.clients import (
    ClientCache,
    guarded_connector,
    is_transport_error,
    refused_address,
)
from providers.adapters.failures import REDIRECTS, failure, status_failure, without_key
from providers.adapters.google_wire import ResponseReader, chat_model_names, config, contents
from providers.adapters.streaming import UNREADABLE, Watchdog
from providers.base import Connection
from providers.errors import ErrorKind, ProviderError
from providers.types import ChatRequest, StreamEvent

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession
    from google.genai import Client

_LIST_TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True)
class _Connected:
    """The SDK's client on a session of ours."""

    client: Client
    session: ClientSession


async def _close(connected: _Connected) -> None:
    connected.client.close()
    await connected.session.close()


clients: ClientCache[_Connected] = ClientCache(_close, sdk="google.genai")

# The SDK leaves a stream that is given up to the garbage collector. The session notes the
# response here, so that it is closed at once.
_responses: ContextVar[list[ClientResponse]] = ContextVar("gemini_responses")


class GoogleAdapter:
    async def stream(
        self, request: ChatRequest, connection: Connection
    ) -> AsyncGenerator[list[StreamEvent], None]:
        async with clients.borrow(connection, lambda: _connect(connection)) as connected:
            try:
                async with aclosing(_events(connected.client, request, connection)) as batches:
                    async for events in batches:
                        yield events
            except ProviderError as error:
                raise without_key(error, connection) from error.__cause__
            except Exception as error:
                raise translate(error, connection) from error

    async def close(self) -> None:
        await clients.close()

    async def list_models(self, connection: Connection) -> list[str]:
        async with clients.borrow(connection, lambda: _connect(connection)) as connected:
            try:
                async with asyncio.timeout(_LIST_TIMEOUT_SECONDS):
                    pager = await connected.client.aio.models.list()
                    return chat_model_names([model async for model in pager])
            except Exception as error:
                raise translate(error, connection) from error


async def _events(
    client: Client, request: ChatRequest, connection: Connection
) -> AsyncGenerator[list[StreamEvent], None]:
    watchdog, reader = Watchdog(connection), ResponseReader()
    request = _overridden(request, connection)
    async with aclosing(_answers(client, request, watchdog)) as answers:
        async for answer in answers:
            if events := reader.read(answer):
                watchdog.has_begun = True
                yield events
    yield reader.end()


async def _answers(
    client: Client, request: ChatRequest, watchdog: Watchdog
) -> AsyncGenerator[Any, None]:
    """The SDK's answers: one for each frame, or a single one when streaming is off."""
    models, request = cast(Any, client.aio.models), request.asking()
    arguments = {
        "model": request.model,
        "contents": contents(request),
        "config": config(request),
    }
    if request.parameters.disable_streaming:
        yield await watchdog.wait(models.generate_content(**arguments))
        return
    opened: list[ClientResponse] = []
    _responses.set(opened)
    try:
        stream = await watchdog.wait(models.generate_content_stream(**arguments))
        while (answer := await watchdog.wait(anext(stream, None))) is not None:
            yield answer
    finally:
        for response in opened:
            response.close()


def _overridden(request: ChatRequest, connection: Connection) -> ChatRequest:
    """The SDK merges ``extra`` into the body it builds from its own fields."""
    if not connection.overrides:
        return request
    extra = connection.overridden(request.parameters.extra)
    return replace(request, parameters=replace(request.parameters, extra=extra))


def _connect(connection: Connection) -> _Connected:
    from google.genai import Client
    from google.genai.types import HttpOptions, HttpRetryOptions

    session = _make_session()
    client = Client(
        api_key=connection.api_key,
        vertexai=False,
        http_options=HttpOptions(
            base_url=connection.base_url.rstrip("/").removesuffix("/v1beta"),
            api_version="v1beta",
            headers=dict(connection.headers),
            retry_options=HttpRetryOptions(attempts=1),
            aiohttp_client=session,
        ),
    )
    return _Connected(client, session)


def _make_session() -> ClientSession:
    from aiohttp import ClientSession, TraceConfig

    async def note_response(session: Any, context: Any, outcome: Any) -> None:
        if (opened := _responses.get(None)) is not None:
            opened.append(outcome.response)

    async def refuse_redirect(session: Any, context: Any, outcome: Any) -> None:
        outcome.response.close()
        raise failure(ErrorKind.UPSTREAM, REDIRECTS, outcome.response.status)

    trace = TraceConfig()
    trace.on_request_end.append(note_response)
    trace.on_request_redirect.append(refuse_redirect)
    return ClientSession(connector=guarded_connector(), trace_configs=[trace], trust_env=True)


def translate(error: Exception, connection: Connection) -> ProviderError:
    from google.genai.errors import APIError

    if isinstance(error, ProviderError):
        return error
    if refused := refused_address(error):
        return refused
    if isinstance(error, APIError):
        headers = getattr(error.response, "headers", None) or {}
        return status_failure(error.code, error.details, headers, connection)
    if isinstance(error, TimeoutError):
        return failure(ErrorKind.TIMEOUT)
    if isinstance(error, OSError) or is_transport_error(error):
        return failure(ErrorKind.CONNECTION)
    if isinstance(error, UNREADABLE):  # what the SDK could not parse
        return failure(ErrorKind.MALFORMED)
    raise error
