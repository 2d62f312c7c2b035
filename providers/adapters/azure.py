"""OpenAI's models on Azure: the same dialect at other addresses."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any

from providers.adapters.openai_chat import OpenAIChatAdapter, client_arguments
from providers.base import Connection
from providers.types import ChatRequest, StreamEvent

if TYPE_CHECKING:
    from openai import AsyncOpenAI

DEFAULT_API_VERSION = "2024-10-21"


class AzureAdapter(OpenAIChatAdapter):
    """Options: ``api_version``; ``deployment``, where it differs from the model's name."""

    def make_client(self, connection: Connection) -> AsyncOpenAI:
        from openai import AsyncAzureOpenAI

        return AsyncAzureOpenAI(
            azure_endpoint=connection.base_url.rstrip("/").removesuffix("/openai"),
            api_version=dict(connection.options).get("api_version") or DEFAULT_API_VERSION,
            **client_arguments(connection),
        )

    def _answer(
        self, body: dict[str, Any], connection: Connection
    ) -> AsyncGenerator[list[StreamEvent], None]:
        return self._through_sdk(body, connection)

    def model_to_send(self, request: ChatRequest, connection: Connection) -> str:
        return dict(connection.options).get("deployment") or request.model
