"""Speech through channels of OpenAI's dialect: their models' names tell who offers it."""

import re
import secrets
from dataclasses import dataclass
from functools import partial

from librechat_backend.lib import json
from librechat_backend.lib.aio import in_database
from providers import client, relay
from providers.adapters.failures import failure
from providers.adapters.streaming import UNREADABLE
from providers.errors import ErrorKind
from providers.failover import Begin, first_to_begin
from providers.relay import Relayed, WireDialect
from providers.route_table import Attempt, Plan, RouteQuery
from providers.snapshots import current_table
from providers.trace import CallTrace

_HEARS = re.compile(r"whisper|transcribe", re.IGNORECASE)
_SPEAKS = re.compile(r"(?:^|[-/])tts(?:[-:/]|$)", re.IGNORECASE)
# What OpenAI's models offer; a channel's option ``voices`` names others.
DEFAULT_VOICES = ("alloy", "ash", "coral", "echo", "fable", "nova", "onyx", "sage", "shimmer")


@dataclass(frozen=True, slots=True)
class Recording:
    """A sound of a person's voice, in whatever format their browser records."""

    filename: str
    media_type: str
    data: bytes


def hears(model: str) -> bool:
    """Whether a model of this name turns speech into text."""
    return _HEARS.search(model) is not None


def speaks(model: str) -> bool:
    """Whether a model of this name turns text into speech."""
    return _SPEAKS.search(model) is not None


def chats(model: str) -> bool:
    return not (hears(model) or speaks(model))


async def voices(speaker: RouteQuery) -> list[str]:
    """In the order a channel names them."""
    attempts = (await _plan(speaker)).attempts
    named = dict(attempts[0].channel.options).get("voices", "") if attempts else ""
    return [name.strip() for name in named.split(",") if name.strip()] or list(DEFAULT_VOICES)


async def transcribe(
    recording: Recording, listener: RouteQuery, *, language: str, trace: CallTrace
) -> str:
    """What was said; ``language`` has two letters, or is empty. Raises ProviderError."""
    fields = {"response_format": "json"} | ({"language": language} if language else {})
    answer = await _ask(listener, partial(_send_recording, recording, fields), trace)
    try:
        text = json.loads(answer.body)["text"]
    except UNREADABLE as error:
        raise failure(ErrorKind.MALFORMED) from error
    if not isinstance(text, str):
        raise failure(ErrorKind.MALFORMED)
    return text


async def speak(text: str, speaker: RouteQuery, *, voice: str, trace: CallTrace) -> bytes:
    """``text`` as MP3. Raises ProviderError."""
    fields = {"input": text, "voice": voice, "response_format": "mp3"}
    return (await _ask(speaker, partial(_send_text, fields), trace)).body


async def _ask(query: RouteQuery, send: Begin[Relayed], trace: CallTrace) -> Relayed:
    try:
        return await first_to_begin(await _plan(query), send, trace=trace, what=query.model)
    finally:
        trace.settle()


async def _plan(query: RouteQuery) -> Plan:
    """Through the channels that speak OpenAI's dialect."""
    made = client.plan_with(await in_database(current_table), query)
    able = (each for each in made.attempts if relay.can_relay(each.channel, WireDialect.OPENAI))
    return Plan(tuple(able))


async def _send_text(fields: dict[str, str], attempt: Attempt) -> Relayed:
    body = json.dumps({"model": attempt.model, **fields})
    return await _post(attempt, "/audio/speech", body, "application/json")


async def _send_recording(
    recording: Recording, fields: dict[str, str], attempt: Attempt
) -> Relayed:
    boundary = secrets.token_hex(16)
    body = _form(recording, {"model": attempt.model, **fields}, boundary)
    kind = f"multipart/form-data; boundary={boundary}"
    return await _post(attempt, "/audio/transcriptions", body, kind)


async def _post(attempt: Attempt, path: str, body: bytes, content_type: str) -> Relayed:
    connection = client.connection_to(attempt.channel, attempt.key)
    return await relay.fetch(
        attempt,
        connection,
        path,
        body,
        dialect=WireDialect.OPENAI,
        content_type=content_type,
        is_json=False,
    )


def _form(recording: Recording, fields: dict[str, str], boundary: str) -> bytes:
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    file = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; '
        f'filename="{recording.filename}"\r\nContent-Type: {recording.media_type}\r\n\r\n'
    )
    end = f"\r\n--{boundary}--\r\n"
    return "".join([*parts, file]).encode() + recording.data + end.encode()
