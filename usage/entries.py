"""One request to a model, as the log keeps it. Pure: faces fill it in, the recorder stores it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol

from librechat_backend.lib.json import JSONDict


class Face(StrEnum):
    CHAT = "chat"
    API = "api"
    ADMIN = "admin"


class Status(StrEnum):
    """How a request ended. ``PARTIAL``: an error after the first words; ``STOPPED``: the person
    or program left or pressed Stop; ``REFUSED``: no model was asked."""

    OK = "ok"
    PARTIAL = "partial"
    STOPPED = "stopped"
    FAILED = "failed"
    REFUSED = "refused"


@dataclass(slots=True)
class Tokens:
    """``input_tokens`` includes what came from a cache, ``output_tokens`` the reasoning, and both
    sound and pictures, of which nothing is known unless ``tells_media``."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    input_audio_tokens: int = 0
    input_image_tokens: int = 0
    output_audio_tokens: int = 0
    output_image_tokens: int = 0
    tells_media: bool = False


@dataclass(frozen=True, slots=True)
class Share:
    """Where a request is paid from: ``covered`` of its cost was put aside in that lease."""

    pool_key: str
    lease_id: str = ""
    covered: int = 0


class Reservation(Protocol):
    """Credits put aside for a request (usage/ledger/spending.py)."""

    def settle(self, cost: int) -> tuple[Share, ...]: ...


@dataclass(slots=True)
class RequestEntry:
    """``groups`` are ``{id, name}``, nearest first; ``attempts`` one ``{channel, key_id, error}``
    for each call; durations are in milliseconds, None where the moment never came.

    ``resolved_hash``: see presets/fingerprint.py. ``content`` stays None unless its keeping is
    switched on; ``model_pattern``: of the rule that knows a name nobody lists. ``id`` is given when
    it is recorded. ``cost_credits`` None: no price is known.
    ``reservation`` becomes ``shares`` when the cost is.
    """

    face: Face
    operation: str
    user_id: str | None = None
    groups: list[JSONDict] = field(default_factory=list)
    token_id: str = ""
    token_name: str = ""
    session_id: str = ""
    preset_slug: str = ""
    preset_version: int = 0
    resolved_hash: str = ""
    endpoint: str = ""
    requested_model: str = ""
    model_pattern: str = ""
    served_model: str = ""
    channel_id: str = ""
    channel_name: str = ""
    key_id: str = ""
    attempts: list[JSONDict] = field(default_factory=list)
    routing: str = ""
    tokens: Tokens = field(default_factory=Tokens)
    is_estimated: bool = False
    is_streamed: bool = False
    first_token_ms: int | None = None
    total_ms: int = 0
    status: Status = Status.OK
    http_status: int = 0
    error: str = ""
    cache: str = ""
    conversation_id: str = ""
    message_id: str = ""
    cost_credits: int | None = None
    price_id: str = ""
    experiment: str = ""
    variant: str = ""
    content: JSONDict | None = None
    reservation: Reservation | None = None
    shares: tuple[Share, ...] = ()
    id: str = ""
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
