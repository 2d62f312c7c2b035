"""What every adapter offers."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Protocol

from librechat_backend.lib import json
from librechat_backend.lib.json import JSONDict
from providers.types import ChatRequest, StreamEvent


@dataclass(frozen=True, slots=True)
class Connection:
    """How one call reaches its service. ``repr`` never shows the key.

    ``overrides``: fields of the body as JSON texts that replace what would be sent; ``null``
    removes the field.
    """

    base_url: str
    api_key: str = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    options: tuple[tuple[str, str], ...] = ()
    overrides: tuple[tuple[str, str], ...] = ()
    connect_timeout_seconds: float = 10.0
    first_event_timeout_seconds: float = 300.0
    idle_timeout_seconds: float = 120.0

    def overridden(self, body: JSONDict) -> JSONDict:
        """``body`` with what the operator fixed for this channel."""
        fixed = {name: json.loads(text.encode()) for name, text in self.overrides}
        return {
            name: value
            for name, value in (body | fixed).items()
            if fixed.get(name, ...) is not None
        }


class Adapter(Protocol):
    """One dialect of provider API. Raises ProviderError and nothing else."""

    def stream(
        self, request: ChatRequest, connection: Connection
    ) -> AsyncGenerator[list[StreamEvent], None]:
        """Lists of events that arrived together; ends after the provider's last event.

        Closing the iterator closes the connection to the provider at once.
        """
        ...

    async def list_models(self, connection: Connection) -> list[str]:
        """Names the service offers, as it spells them."""
        ...

    async def close(self) -> None:
        """Close idle connections of the running event loop."""
        ...
