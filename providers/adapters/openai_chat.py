"""OpenAI and every service that speaks its Chat Completions dialect.

OpenAI's SDK takes several times as long as our own client to send a request. Chats take the latter,
where no proxy stands between; models are listed by the SDK.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, aclosing
from typing import TYPE_CHECKING, Any, cast

from librechat_backend.lib import json
from providers.adapters.clients import (
    ClientCache,
    http_client,
    is_transport_error,
    refused_address,
)
from providers.adapters.failures import failure, status_failure
from providers.adapters.openai_wire import ChunkDecoder, events_of_body, model_names, request_body
from providers.adapters.streaming import UNREADABLE, BodyDecoder, Decoder, read_answer
from providers.base import Connection
from providers.errors import ErrorKind, ProviderError
from providers.http_client import TransportError
from providers.posting import Posted, bearer, is_proxied
from providers.types import ChatRequest, StreamEvent

if TYPE_CHECKING:
    from openai import AsyncOpenAI

LIST_TIMEOUT_SECONDS = 30.0
NO_KEY = "none"  # the SDK insists on one; services without keys ignore it


async def _close(client: AsyncOpenAI) -> None:
    await client.close()


clients: ClientCache[AsyncOpenAI] = ClientCache(_close, sdk="openai")


class OpenAIChatAdapter:
    """Options of a channel: ``drop_params``, names of fields not to send, separated by commas;
    ``models_url``, where models are listed if not at ``/models``."""

    def make_client(self, connection: Connection) -> AsyncOpenAI:
        from openai import AsyncOpenAI

        return AsyncOpenAI(base_url=connection.base_url, **client_arguments(connection))

    def model_to_send(self, request: ChatRequest, connection: Connection) -> str:
        return request.model

    async def stream(
        self, request: ChatRequest, connection: Connection
    ) -> AsyncGenerator[list[StreamEvent], None]:
        body = self._body(request, connection)
        async with aclosing(self._answer(body, connection)) as answer:
            async for events in answer:
                yield events

    def _answer(
        self, body: dict[str, Any], connection: Connection
    ) -> AsyncGenerator[list[StreamEvent], None]:
        if is_proxied():
            return self._through_sdk(body, connection)
        posted = Posted(
            connection.base_url.rstrip("/") + "/chat/completions",
            json.dumps(body),
            connection,
            credentials=bearer(connection),
        )
        return read_answer(
            posted, decoder_for=_decoder, translate=broken_connection, connection=connection
        )

    async def _through_sdk(
        self, body: dict[str, Any], connection: Connection
    ) -> AsyncGenerator[list[StreamEvent], None]:
        async with clients.borrow(
            (type(self), connection), lambda: self.make_client(connection)
        ) as client:
            answer = read_answer(
                self._open(client, body),
                decoder_for=_decoder,
                translate=lambda error: translate(error, connection),
                connection=connection,
            )
            async with aclosing(answer):
                async for events in answer:
                    yield events

    def _body(self, request: ChatRequest, connection: Connection) -> dict[str, Any]:
        dropped = dict(connection.options).get("drop_params", "").split(",")
        names = frozenset(name.strip() for name in dropped)
        body = request_body(request, base_url=connection.base_url, dropped=names)
        return connection.overridden(body | {"model": self.model_to_send(request, connection)})

    def _open(self, client: AsyncOpenAI, body: dict[str, Any]) -> AbstractAsyncContextManager[Any]:
        # As extra_body, the SDK sends our fields as they are and keeps its hands off the answer.
        completions = cast(Any, client.chat.completions.with_streaming_response)
        opening: AbstractAsyncContextManager[Any] = completions.create(
            model=body["model"], messages=[], extra_body=body
        )
        return opening

    async def close(self) -> None:
        await clients.close()

    async def list_models(self, connection: Connection) -> list[str]:
        url = dict(connection.options).get("models_url")
        async with clients.borrow(
            (type(self), connection), lambda: self.make_client(connection)
        ) as client:
            try:
                if url:
                    return model_names(await client.get(url, cast_to=cast(Any, object)))
                raw = await client.models.with_raw_response.list(timeout=LIST_TIMEOUT_SECONDS)
                return model_names(json.loads(raw.content))
            except UNREADABLE as error:
                raise failure(ErrorKind.MALFORMED) from error
            except Exception as error:
                raise translate(error, connection) from error


def broken_connection(error: Exception) -> ProviderError:
    """Of an exchange by our own client; raises what is none of its errors."""
    if isinstance(error, TransportError):
        return failure(ErrorKind.CONNECTION)
    raise error


def client_arguments(connection: Connection) -> dict[str, Any]:
    """What every client of the SDK gets."""
    import openai

    return {
        "api_key": connection.api_key or NO_KEY,
        "default_headers": dict(connection.headers),
        "max_retries": 0,
        "http_client": http_client(openai, connect_seconds=connection.connect_timeout_seconds),
    }


def _decoder(is_event_stream: bool) -> Decoder:
    return ChunkDecoder() if is_event_stream else BodyDecoder(events_of_body)


def translate(error: Exception, connection: Connection) -> ProviderError:
    """The SDK's own timeout is only that of connecting: the watchdog limits the rest."""
    import openai

    if refused := refused_address(error):
        return refused
    if isinstance(error, openai.APIStatusError):
        body = error.body or error.response.text
        return status_failure(error.status_code, body, error.response.headers, connection)
    if isinstance(error, openai.APIError | OSError) or is_transport_error(error):
        return failure(ErrorKind.CONNECTION)
    raise error
