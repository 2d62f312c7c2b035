"""Where a request of the relay goes, and with which key."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from librechat_backend.lib import json
from providers.adapters.azure import DEFAULT_API_VERSION
from providers.base import Connection
from providers.posting import JSON_TYPE, Pairs, Posted, bearer
from providers.registry import SERVICES
from providers.relay.dialects import WireDialect
from providers.route_table import Attempt

ANTHROPIC_VERSION = "2023-06-01"


class Opened(Posted):
    """What is sent on to the channel of an attempt."""

    def __init__(
        self,
        attempt: Attempt,
        connection: Connection,
        path: str,
        body: bytes,
        dialect: WireDialect,
        headers: Mapping[str, str] | None,
        content_type: str = JSON_TYPE,
    ) -> None:
        super().__init__(
            _url(attempt, connection, path),
            _fixed(connection, body) if content_type == JSON_TYPE else body,
            connection,
            credentials=_credentials(connection, dialect, is_azure=attempt.channel.kind == "azure"),
            further=tuple(headers.items()) if headers else (),
            content_type=content_type,
        )


def _fixed(connection: Connection, body: bytes) -> bytes:
    """With the fields the operator fixed for this channel."""
    if not connection.overrides:
        return body
    return json.dumps(connection.overridden(json.loads(body)))


def _url(attempt: Attempt, connection: Connection, path: str) -> str:
    base = connection.base_url.rstrip("/")
    kind = SERVICES[attempt.channel.kind].adapter
    if kind.endswith(".AnthropicAdapter"):
        return f"{base.removesuffix('/v1')}/v1{path}"
    if kind.endswith(".GoogleAdapter"):
        return f"{base.removesuffix('/v1beta')}/v1beta/openai{path}"
    if not kind.endswith(".AzureAdapter"):
        return base + path
    options = dict(connection.options)
    deployment = quote(options.get("deployment") or attempt.model, safe="")
    version = options.get("api_version") or DEFAULT_API_VERSION
    base = base.removesuffix("/openai")
    return f"{base}/openai/deployments/{deployment}{path}?api-version={quote(version)}"


def _credentials(connection: Connection, dialect: WireDialect, *, is_azure: bool) -> Pairs:
    if dialect is WireDialect.ANTHROPIC:
        return ("x-api-key", connection.api_key), ("anthropic-version", ANTHROPIC_VERSION)
    if is_azure and connection.api_key:
        return (("api-key", connection.api_key),)
    return bearer(connection)
