"""What became of one call: which channels were tried, which answered, and when. Pure."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from librechat_backend.lib.json import JSONDict
from providers.errors import ProviderError
from providers.route_table import Attempt
from providers.types import ChatRequest, StreamEvent, TextDelta, Usage
from usage.entries import Reservation

if TYPE_CHECKING:
    from usage.limits import Limit, Standing


class Grant(Protocol):
    """Leave to ask (usage.limits)."""

    def settle(self, tokens: int) -> None: ...

    def standings(self) -> list[Standing]: ...


class Purse(Protocol):
    """What the call is paid from (usage.ledger.purse)."""

    @property
    def reservation(self) -> Reservation | None: ...

    async def cover(self, *, model: str, kind: str, channel_id: str, channel_name: str) -> None: ...


@dataclass(slots=True)
class CallTrace:
    """Filled in while the call runs; ``attempts`` holds ``{channel, key_id, model, error}``;
    ``decision`` says why a name that stands for two models meant this one. ``grant`` is the
    channel's leave, ``caller_grant`` that of ``limits_for``, which tells the limits of who asks by
    the name of the model. ``on_entry`` is called when an attempt is
    paid and has its place. ``user_id``: who asks; empty for nobody that is known.

    ``earlier``: what the answers took before the one of ``usage``, where a call asks for several.

    Moments are those of ``time.monotonic``, but for ``began_at``. ``request`` and
    ``said_characters``: what was asked for and said, for those who estimate what it took.
    """

    user_id: str = ""
    began_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    started_at: float = field(default_factory=time.monotonic)
    first_event_at: float | None = None
    attempts: list[JSONDict] = field(default_factory=list)
    channel_id: str = ""
    channel_name: str = ""
    channel_kind: str = ""
    key_id: str = ""
    model: str = ""
    usage: Usage | None = None
    earlier: list[Usage] = field(default_factory=list)
    decision: str = ""
    grant: Grant | None = None
    limits_for: Callable[[str], Sequence[Limit]] | None = None
    caller_grant: Grant | None = None
    request: ChatRequest | None = None
    said_characters: int = 0
    purse: Purse | None = None
    on_entry: Callable[[], None] | None = None

    def begin(self, attempt: Attempt) -> None:
        self.channel_id, self.channel_name = attempt.channel.id, attempt.channel.name
        self.channel_kind = attempt.channel.kind
        self.key_id, self.model = attempt.key.id, attempt.model
        self.attempts.append(
            {
                "channel": attempt.channel.name,
                "key_id": attempt.key.id,
                "model": attempt.model,
                "error": "",
            }
        )

    def ask_again(self, attempt: Attempt, taken: Usage) -> None:
        """For one more answer of the same channel; the last one took ``taken``."""
        self.begin(attempt)
        self.earlier.append(taken)
        self.usage = None

    def fail(self, error: ProviderError) -> None:
        """The attempt that began last."""
        self.attempts[-1]["error"] = f"{error.kind} {error.status or ''}".strip()

    def first_event(self) -> None:
        if self.first_event_at is None:
            self.first_event_at = time.monotonic()

    def see(self, batch: Iterable[StreamEvent]) -> None:
        """Events on their way to the caller: the last report of usage holds."""
        for event in batch:
            if isinstance(event, Usage):
                self.usage = event
            elif isinstance(event, TextDelta):
                self.said_characters += len(event.text)

    def leave_channel(self) -> None:
        """The attempt is over: its channel's limits hear what it took. Again does nothing."""
        grant, self.grant = self.grant, None
        if grant is not None:
            grant.settle(self._tokens)

    def settle(self) -> None:
        """The call is over, for the limits of who asked, too. Again does nothing."""
        self.leave_channel()
        grant, self.caller_grant = self.caller_grant, None
        if grant is not None:
            grant.settle(self._tokens)

    @property
    def _tokens(self) -> int:
        usages = [*self.earlier, self.usage or Usage()]
        return sum(usage.input_tokens + usage.output_tokens for usage in usages)

    @property
    def reservation(self) -> Reservation | None:
        """What was put aside, for the row of the call."""
        return self.purse.reservation if self.purse is not None else None

    @property
    def last_error(self) -> str:
        """Empty while the attempt that began last has not failed."""
        return str(self.attempts[-1]["error"]) if self.attempts else ""

    @property
    def first_event_ms(self) -> int | None:
        if self.first_event_at is None:
            return None
        return round(1000 * (self.first_event_at - self.started_at))

    @property
    def total_ms(self) -> int:
        """Until now."""
        return round(1000 * (time.monotonic() - self.started_at))
