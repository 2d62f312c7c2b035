"""A model provider on the loopback interface: OpenAI, Azure, Anthropic and Gemini over real HTTP.

``python -m tests.fake_provider --port N``. What an answer does is told by markers in the model's
name or in the last user text:

``[[say:TEXT]]`` ``[[echo]]`` ``[[reasoning]]`` ``[[tool]]`` ``[[refusal]]`` ``[[length]]`` what
is answered · ``[[status:429]]`` ``[[context]]`` ``[[error-frame]]`` errors · ``[[slow-first:2]]``
seconds before the headers · ``[[silence]]`` no end after the first words · ``[[cut]]``
connection lost in mid-stream · ``[[no-end]]`` a clean end without an end marker · ``[[malformed]]``
· ``[[nested]]`` JSON deeper than any reader follows · ``[[split-utf8]]`` one byte at a time ·
``[[chunks:500:0.01]]`` so many chunks, seconds between them · ``[[ignore-stream]]`` one JSON body
though a stream was asked for ·
``[[flood:100]]`` so many megabytes without an end · ``[[no-wait]]`` 429 without Retry-After ·
``[[two-tools]]`` two calls, piece by piece in turns (streams of OpenAI) ·
``[[no-usage]]`` nothing is said of tokens (OpenAI) · ``[[count]]`` the input is counted ·
``[[sound]]`` some of the tokens are told to be sound (OpenAI, Gemini). Whoever brings the results
of tools hears what they said, and no marker counts.

``GET /requests`` lists what was received, ``DELETE /requests`` forgets it, ``GET /active`` counts
the answers in progress.
"""

import argparse
import asyncio
import json
import re
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import web

from tests import fake_counting, fake_services, fake_tools
from tests.fake_dialects import DIALECTS, Dialect, Script, Turn

JSON = dict[str, Any]
SILENCE_SECONDS = 3600
FRAMES_PER_WRITE = 20
KEY_HEADERS = (
    "authorization", "x-api-key", "api-key", "x-goog-api-key", "x-extra", "x-relay-target",
    "x-relay-key",
)  # fmt: skip

_MARKER = re.compile(r"\[\[([a-z0-9-]+)(?::([^\]]*))?\]\]")
_ERRORS = {
    400: "Something in the request is invalid.",
    401: "Incorrect API key provided.",
    403: "This key may not use this model.",
    404: "The model does not exist.",
    429: "Rate limit reached, please slow down.",
    500: "The server had an error.",
    503: "The engine is overloaded.",
}


@dataclass
class State:
    received: deque[JSON]
    active: int = 0


STATE = web.AppKey("state", State)


def read_script(model: str, text: str) -> Script:
    markers = {name: argument or "" for name, argument in _MARKER.findall(f"{model} {text}")}
    words = ["Hello", " from", " the", " fake", " provider."]
    if "say" in markers:
        words = re.findall(r"\S+\s*", markers["say"])
    if "echo" in markers:
        words = [_MARKER.sub("", text).strip()]
    if "split-utf8" in markers:
        words = ["Grüße 👋", " 世界"]
    if "chunks" in markers:
        count = int(markers["chunks"].split(":")[0])
        words = [f"word{number} " for number in range(count)]
    return Script(markers=markers, words=words)


@asynccontextmanager
async def counted(state: State) -> AsyncIterator[None]:
    state.active += 1
    try:
        yield
    finally:
        state.active -= 1


def answer_with(dialect: Dialect) -> Any:
    async def handle(request: web.Request) -> web.StreamResponse:
        state = request.app[STATE]
        body = await request.json()
        turn = dialect.read(body, request.match_info, request.path)
        if "[[count]]" in f"{turn.model} {turn.text}":
            turn = replace(turn, input_tokens=fake_counting.tokens(body, turn.model))
        turn = replace(turn, has_sound="[[sound]]" in f"{turn.model} {turn.text}")
        state.received.append(_received(request, body))
        async with counted(state):
            return await _answer(request, dialect, turn)

    return handle


def _received(request: web.Request, body: JSON) -> JSON:
    headers = {name: request.headers[name] for name in KEY_HEADERS if name in request.headers}
    return {"path": request.path_qs, "headers": headers, "body": body}


async def _answer(request: web.Request, dialect: Dialect, turn: Turn) -> web.StreamResponse:
    said = fake_tools.said_by_tool(await request.json())
    script = Script({}, [said]) if said else read_script(turn.model, turn.text)
    if "slow-first" in script.markers:
        await asyncio.sleep(float(script.markers["slow-first"]))
    if "context" in script.markers:
        return web.json_response(dialect.context_error(), status=400)
    if "status" in script.markers:
        status = int(script.markers["status"])
        message = script.markers.get("error", _ERRORS.get(status, "An error."))
        waits = status == 429 and "no-wait" not in script.markers
        headers = {"Retry-After": "7"} if waits else None
        return web.json_response(dialect.error(status, message), status=status, headers=headers)
    if "flood" in script.markers:
        return await _flood(request, int(script.markers["flood"]))
    if not turn.stream or "ignore-stream" in script.markers:
        return web.json_response(dialect.whole(script, turn))
    return await _stream(request, dialect, script, turn)


async def _flood(request: web.Request, megabytes: int) -> web.StreamResponse:
    """One body, or one frame, without an end in sight."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    await response.write(b'data: {"id": "')
    for _ in range(megabytes):
        await response.write(b"x" * 1024 * 1024)
    return response


async def _stream(
    request: web.Request, dialect: Dialect, script: Script, turn: Turn
) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    frames = list(dialect.frames(script, turn))
    end = len(dialect.ending(script, turn))
    if script.stops_early:
        frames = frames[: len(frames) - end]
    for piece in _pieces(frames, script):
        await response.write(piece)
        if script.delay_seconds:
            await asyncio.sleep(script.delay_seconds)
    if "silence" in script.markers:
        await asyncio.sleep(SILENCE_SECONDS)
    if "cut" in script.markers and request.transport is not None:
        await asyncio.sleep(0.05)  # what was written leaves before the connection goes
        request.transport.abort()
        return response
    if "malformed" in script.markers:
        await response.write(b'data: {"choices": [{"delta"\n\n')
    if "nested" in script.markers:
        await response.write(b"data: %b\n\n" % (b"[" * 5000 + b"]" * 5000))
    if "error-frame" in script.markers:
        await response.write(dialect.error_frame("Overloaded, try again later."))
    await response.write_eof()
    return response


def _pieces(frames: list[bytes], script: Script) -> Iterator[bytes]:
    if "split-utf8" in script.markers:
        whole = b"".join(frames)
        yield from (whole[i : i + 1] for i in range(len(whole)))
    elif script.delay_seconds or len(frames) <= FRAMES_PER_WRITE:
        yield from frames
    else:
        for start in range(0, len(frames), FRAMES_PER_WRITE):
            yield b"".join(frames[start : start + FRAMES_PER_WRITE])


async def list_received(request: web.Request) -> web.Response:
    return web.json_response(list(request.app[STATE].received))


async def forget_received(request: web.Request) -> web.Response:
    request.app[STATE].received.clear()
    return web.json_response({})


async def count_active(request: web.Request) -> web.Response:
    return web.json_response({"active": request.app[STATE].active})


async def list_models(request: web.Request) -> web.Response:
    """OpenAI's, Anthropic's or Gemini's list, by path and header."""
    if request.headers.get("authorization") == "Bearer sk-wrong":
        return web.json_response(DIALECTS["openai"].error(401, _ERRORS[401]), status=401)
    if request.path.startswith("/v1beta"):
        actions = ["generateContent"]
        models = [
            {"name": "models/gemini-fake", "supportedGenerationMethods": actions},
            {"name": "models/embedding-fake", "supportedGenerationMethods": ["embedContent"]},
        ]
        return web.json_response({"models": models})
    names = (
        ["claude-fake"] if "anthropic-version" in request.headers else ["fake-large", "fake-small"]
    )
    data = [{"id": name, "object": "model", "type": "model"} for name in names]
    return web.json_response({"object": "list", "data": data, "has_more": False})


@web.middleware
async def note_services(request: web.Request, handler: Any) -> web.StreamResponse:
    if request.path.endswith(("/embeddings", "/images/generations")):
        request.app[STATE].received.append(_received(request, await request.json()))
    answer: web.StreamResponse = await handler(request)
    return answer


def make_app() -> web.Application:
    app = web.Application(client_max_size=64 * 1024 * 1024, middlewares=[note_services])
    app[STATE] = State(received=deque(maxlen=1000))
    app.router.add_get("/requests", list_received)
    app.router.add_delete("/requests", forget_received)
    app.router.add_get("/active", count_active)
    app.router.add_get("/v1/models", list_models)
    app.router.add_get("/v1beta/models", list_models)
    app.router.add_get("/openai/models", list_models)
    openai = answer_with(DIALECTS["openai"])
    app.router.add_post("/v1/chat/completions", openai)
    app.router.add_post("/openai/deployments/{model}/chat/completions", openai)
    app.router.add_post("/v1/responses", answer_with(DIALECTS["responses"]))
    app.router.add_post("/v1/messages", answer_with(DIALECTS["anthropic"]))
    app.router.add_post("/v1beta/models/{model}:{action}", answer_with(DIALECTS["gemini"]))
    fake_services.add_routes(app)
    return app


async def serve(port: int) -> None:
    # Handlers are cancelled when the caller leaves: /active counts what still runs.
    runner = web.AppRunner(make_app(), handler_cancellation=True, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    address = runner.addresses[0]
    print(json.dumps({"port": address[1]}), flush=True)  # noqa: T201 - tells the parent
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    asyncio.run(serve(parser.parse_args().port))
