"""Streams that are passed on as bytes: whatever they hold and however they are cut, what comes out
is what reading them frame by frame would give."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from librechat_backend.lib import json
from librechat_backend.lib.json import JSONDict
from providers.base import Connection
from providers.errors import ErrorKind, ProviderError
from providers.relay.dialects import ChatReader
from providers.relay.streams import RelayedStream
from providers.route_table import Attempt, ChannelSnapshot, Key
from providers.types import Usage

ATTEMPT = Attempt(
    ChannelSnapshot("c", "c", "openai", "openAI", "", ("m",), (Key("k"),)), Key("k"), "m"
)
DONE = b"data: [DONE]"
TEXTS = st.sampled_from(
    ["Hi", "", '"error"', '"prompt_tokens"', "data: [DONE]\n\n", "{}}\n\n{", "ends with }", "é\r\n"]
)


def framed(value: JSONDict) -> bytes:
    return b"data: " + json.dumps(value)


def delta(text: str, finish: str | None = None, **more: Any) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    return framed({"choices": [choice], **more})


def usage(tokens: int) -> JSONDict:
    return {"prompt_tokens": tokens, "completion_tokens": 1}


said = TEXTS.map(delta)
frames = st.one_of(
    said,
    said,
    st.integers(1, 9).map(lambda n: framed({"choices": [], "usage": usage(n)})),
    st.builds(lambda text, n: delta(text, usage=usage(n)), TEXTS, st.integers(1, 9)),
    st.sampled_from([b": a comment", b"event: ping", framed({"choices": [], "error": None})]),
)
spoilers = st.sampled_from(
    [
        framed({"error": {"message": "no", "type": "server_error"}}),
        b'data: {"choices": [',
        b"data: x",
    ]
)


@dataclass
class Told:
    """What a stream comes to."""

    frames: list[bytes] = field(default_factory=list)
    usage: Usage | None = None
    fails: bool = False


def read_one_by_one(stream: Sequence[bytes], *, keeps_usage: bool) -> Told:
    told = Told()
    for frame in stream:
        if frame == DONE:
            return told
        if not frame.startswith(b"data:"):
            told.frames.append(frame)
            continue
        try:
            value = json.loads(frame[5:])
        except json.DecodeError:
            value = {"error": True}
        if value.get("error"):
            told.fails = True
            return told
        kept = _without_usage(frame, value, told, keeps_usage=keeps_usage)
        told.frames += [kept] if kept else []
    return told


def _without_usage(frame: bytes, value: JSONDict, told: Told, *, keeps_usage: bool) -> bytes:
    found = value.pop("usage", None)
    if not found:
        return frame
    told.usage = Usage(found["prompt_tokens"], found["completion_tokens"])
    if keeps_usage:
        return frame
    return framed(value) if value["choices"] else b""


class Pieces:
    """An exchange, and what opened it."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = pieces

    async def chunk(self) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""

    async def __aexit__(self, *error: object) -> None:
        """Nothing is open."""


async def relayed(
    pieces: list[bytes], *, keeps_usage: bool
) -> tuple[bytes, Usage | None, ErrorKind | None]:
    """All that was passed on, the usage, and how it failed."""
    source: Any = Pieces(pieces)
    reader = ChatReader(keeps_usage, None)
    stream = RelayedStream(ATTEMPT, Connection("", ""), source, source, reader)
    out = b""
    try:
        await stream.begin()
        async for block in stream.blocks():
            out += block
    except ProviderError as error:
        return out, stream.usage, error.kind
    return out, stream.usage, None


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(place % len(data) for place in places)})
    return [data[a:b] for a, b in zip(edges, edges[1:], strict=False)]


@given(
    st.lists(frames, max_size=8),
    st.none() | spoilers,
    st.lists(said, max_size=3),
    st.lists(st.integers(0, 10_000), max_size=12),
    st.booleans(),
)
def test_relayed_stream_is_that_of_the_oracle(
    before: list[bytes],
    spoiler: bytes | None,
    after: list[bytes],
    places: list[int],
    keeps_usage: bool,
) -> None:
    stream = [*before, *([spoiler] if spoiler else []), DONE, *after]
    expected = read_one_by_one(stream, keeps_usage=keeps_usage)
    whole = b"".join(frame + b"\n\n" for frame in expected.frames)
    pieces = cut(b"".join(frame + b"\n\n" for frame in stream), places)
    out, told, kind = asyncio.run(relayed(pieces, keeps_usage=keeps_usage))
    assert (kind in {ErrorKind.UPSTREAM, ErrorKind.MALFORMED}) is expected.fails
    if expected.fails:
        # Nothing of it where it failed before anything was passed on: another channel may answer.
        assert out in {b"", whole}
    else:
        assert (out, told, kind) == (whole, expected.usage, None)
