"""The same request again, answered from memory: for who asked for that.

A key asks for it for all its requests, a preset for all of its own, a request for itself with
``x-cache-ttl``; the nearest to the request counts. ``x-cache-skip`` asks a model in any case. An
answer is kept under the key, everything that was asked, the preset or variant the name stood for
and the stamps of rights, channels and keys: whatever changes there, nothing that was remembered is
found again.
In the process first, then in the shared cache where there is one; while that is away, as if it had
nothing.
"""

import hashlib
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace

import structlog
from django.conf import settings
from django.core.cache import cache as shared

from gateway.calls import Call
from gateway.catalog import Entry
from gateway.errors import ApiError
from gateway.formats.costs import at_no_cost
from gateway.http import Reply, StreamReply
from librechat_backend.lib import json
from librechat_backend.lib.aio import in_database, spawn
from librechat_backend.lib.json import JSONValue
from librechat_backend.lib.outages import REDIS_AWAY
from presets.fields import MAX_CACHE_SECONDS
from usage.entries import Status

TTL_HEADER, SKIP_HEADER, STATUS_HEADER = "x-cache-ttl", "x-cache-skip", "x-cache"
ANSWER_LIMIT_BYTES = 512 * 1024
LOCAL_BYTES = 64 * 1024 * 1024
OPERATIONS = frozenset({
    "chat.completions", "messages", "completions", "responses", "embeddings", "moderations",
    "rerank",
})  # fmt: skip
EXACT = "exact"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Kept:
    """``until``: seconds since the epoch."""

    body: bytes
    is_stream: bool
    until: float


class LocalCache:
    """What this process keeps; the answer that was longest unused goes first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Kept] = OrderedDict()
        self._bytes = 0

    def get(self, key: str) -> Kept | None:
        kept = self._kept.get(key)
        if kept is None:
            return None
        if kept.until <= time.time():
            self._drop(key)
            return None
        self._kept.move_to_end(key)
        return kept

    def put(self, key: str, kept: Kept) -> None:
        self._drop(key)
        self._kept[key] = kept
        self._bytes += len(kept.body)
        while self._bytes > LOCAL_BYTES:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: str) -> None:
        if kept := self._kept.pop(key, None):
            self._bytes -= len(kept.body)

    def clear(self) -> None:
        self._kept.clear()
        self._bytes = 0


local = LocalCache()


def ttl_of(call: Call) -> int:
    """Seconds; 0: nothing is remembered. Raises ApiError."""
    headers = call.request.headers
    if call.entry.operation not in OPERATIONS or headers.get(SKIP_HEADER, "").lower() in _YES:
        return 0
    asked = headers.get(TTL_HEADER)
    if asked is None:
        return _usual_ttl(call)
    if not (asked.isascii() and asked.isdigit()) or int(asked[:12]) > MAX_CACHE_SECONDS:
        raise ApiError(f"{TTL_HEADER}: expected seconds, at most {MAX_CACHE_SECONDS}.")
    return int(asked)


_YES = ("1", "true", "yes")


def _usual_ttl(call: Call) -> int:
    entry = _named(call)
    of_preset = entry.preset.fields.get("cache_seconds") if entry and entry.preset else None
    return call.caller.token.cache_seconds if of_preset is None else int(of_preset)


def _named(call: Call) -> Entry | None:
    """What is called; None where only a name rule knows, which presets have nothing to do with."""
    asked = call.body()
    provider = asked.get("provider")
    named_provider = provider if isinstance(provider, str) else ""
    return call.caller.catalog.find(str(asked.get("model", "")), named_provider)


async def find(call: Call, key: str) -> Reply | StreamReply | None:
    """A model the caller may not use any more is not answered for. Raises ApiError."""
    asked = call.body()
    call.find_model(str(asked.get("model", "")), asked.get("provider"))
    kept = local.get(key) or await _find_shared(key)
    if kept is None:
        return None
    call.entry.cache = EXACT
    call.entry.is_streamed = kept.is_stream
    body = at_no_cost(kept.body)
    call.keep(body)
    call.finish()
    headers = {STATUS_HEADER: "HIT"}
    if kept.is_stream:
        return StreamReply(_once(body), headers)
    return Reply(body, headers=headers)


async def _once(body: bytes) -> AsyncGenerator[bytes, None]:
    yield body


def key_of(call: Call) -> str:
    """Equal requests have equal keys, in whatever order their members come."""
    stamps = call.caller.stamps
    asked = json.dumps_sorted(
        {
            "stamps": [stamps.access, stamps.channels, stamps.tokens],
            "token": call.caller.token.id,
            "operation": call.entry.operation,
            "stands_for": _identity(_named(call)),
            "body": call.body(),
        }
    )
    return f"answer:{hashlib.sha256(asked).hexdigest()}"


def _identity(entry: Entry | None) -> JSONValue:
    """A name may come to stand for another preset by the time of day alone."""
    if entry is None or entry.preset is None:
        return None
    preset = entry.preset
    served = [entry.endpoint.name, entry.model]
    return [*served, preset.preset.id, preset.preset.version, preset.experiment, preset.variant]


async def _find_shared(key: str) -> Kept | None:
    if not settings.REDIS_URL:
        return None
    try:
        found = await in_database(shared.get, key)
    except REDIS_AWAY as error:
        log.warning("shared_cache_away", reason=str(error))
        return None
    if found is None:
        return None
    kept = Kept(*found)
    local.put(key, kept)
    return kept


def remembering(call: Call, key: str, ttl: int, reply: Reply | StreamReply) -> Reply | StreamReply:
    """``reply``, which is kept if it comes to a good end."""
    reply.headers[STATUS_HEADER] = "MISS"
    if isinstance(reply, StreamReply):
        return replace(reply, frames=_collecting(call, key, ttl, reply.frames))
    if reply.status == 200:
        _remember(key, Kept(reply.body, False, time.time() + ttl), ttl)
    return reply


async def _collecting(
    call: Call, key: str, ttl: int, frames: AsyncGenerator[bytes, None]
) -> AsyncGenerator[bytes, None]:
    body: bytearray = bytearray()
    async with aclosing(frames):
        async for frame in frames:
            if len(body) <= ANSWER_LIMIT_BYTES:
                body += frame
            yield frame
    if call.entry.status is Status.OK:
        _remember(key, Kept(bytes(body), True, time.time() + ttl), ttl)


def _remember(key: str, kept: Kept, ttl: int) -> None:
    if len(kept.body) > ANSWER_LIMIT_BYTES:
        return
    local.put(key, kept)
    if settings.REDIS_URL:
        spawn(_share(key, kept, ttl), name="cache")


async def _share(key: str, kept: Kept, ttl: int) -> None:
    try:
        await in_database(shared.set, key, (kept.body, kept.is_stream, kept.until), ttl)
    except REDIS_AWAY as error:
        log.warning("shared_cache_away", reason=str(error))
