"""Speech over HTTP (contract 04 §3). Coroutine views for the lean path."""

import asyncio
import re
import time
from typing import cast

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse

from accounts.authentication import authenticate
from accounts.models import User
from conversations import speech
from conversations.throttles import check_speech
from files.receiving import received
from files.threads import in_file_thread
from librechat_backend.lib import rest
from librechat_backend.lib.aio import in_database
from librechat_backend.lib.bodies import StreamedRequest, reads_body
from librechat_backend.lib.errors import AppError, Conflict, InvalidRequest, NotFound
from librechat_backend.lib.throttling import client_ip
from providers.speech import Recording

RECORDING_BYTES = 25 * 1024**2  # OpenAI takes no more
# A message that is being written is read aloud when it is complete.
WAIT_SECONDS = 120.0
PAUSE_SECONDS = 0.5
RUN_SECONDS = 600
_AUDIO = re.compile(r"(?:audio|video)/[a-z0-9.+-]{1,60}")
_EXTENSION = re.compile(r"\.([a-zA-Z0-9]{1,5})$")


async def config(request: HttpRequest) -> HttpResponse:
    """Which of the two we do; what we do not is hidden.

    Left alone, the client would show microphone and loudspeaker for the engines of browsers, some
    of which send what is said to their makers. These are values for who has not chosen yet:
    Settings → Speech brings them back.
    """
    user = await _person(request, "GET")
    offered = await in_database(speech.speech_for, user)
    answer: dict[str, object] = {
        "sttExternal": offered.listener is not None,
        "ttsExternal": offered.speaker is not None,
    }
    answer |= {"engineSTT": "external"} if offered.listener else {"speechToText": False}
    answer |= {"engineTTS": "external"} if offered.speaker else {"textToSpeech": False}
    return rest.json_response(answer)


async def voices(request: HttpRequest) -> HttpResponse:
    return rest.json_response(await speech.voices_for(await _person(request, "GET")))


@reads_body
async def recognize(request: HttpRequest) -> HttpResponse:
    """A recording → what was said."""
    user = await _speaker(request)
    streamed = cast(StreamedRequest, request)
    async with received(streamed, limit=lambda _: RECORDING_BYTES, file_field="audio") as form:
        if not form.has_file or not form.byte_count:
            raise InvalidRequest("audio: expected a recording")
        kind = form.declared_type.lower()
        if not _AUDIO.fullmatch(kind):
            raise AppError(f"Unsupported file type ({kind}).", status=415)
        extension = _EXTENSION.search(form.filename)
        recording = Recording(
            filename=f"audio.{extension[1] if extension else 'webm'}",
            media_type=kind,
            data=await in_file_thread(form.path.read_bytes),
        )
        language = form.fields.get("language", "")[:2].lower()
    known = language if re.fullmatch("[a-z]{2}", language) else ""
    return rest.json_response({"text": await speech.listen(user, recording, known)})


@reads_body
async def read_text(request: HttpRequest) -> StreamingHttpResponse:
    """The text of the form, as sound."""
    user = await _speaker(request)
    async with received(cast(StreamedRequest, request), limit=lambda _: 0) as form:
        text, voice = form.fields.get("input", "").strip(), form.fields.get("voice", "")
    if not text:
        raise InvalidRequest("input: expected a text")
    return await _sound(user, text, voice)


async def read_message(request: HttpRequest) -> StreamingHttpResponse:
    """A message, as sound; once for each ``runId``."""
    user = await _speaker(request)
    body = rest.parse_json(request.body)
    values = body if isinstance(body, dict) else {}
    message_id, run_id, voice = (str(values.get(n) or "") for n in ("messageId", "runId", "voice"))
    key = f"speech:{user.pk}:{run_id[:64].encode().hex()}"
    if run_id and not await in_database(cache.add, key, 1, RUN_SECONDS):
        raise Conflict("This answer is being read aloud already.")
    text = await _complete_text(user, message_id[:64])
    if not text.strip():
        raise InvalidRequest("There is nothing to read aloud.")
    return await _sound(user, text, voice)


async def _complete_text(user: User, message_id: str) -> str:
    deadline = time.monotonic() + WAIT_SECONDS
    while (text := await in_database(speech.spoken_text, user, message_id)) is None:
        if time.monotonic() > deadline:
            raise Conflict("The answer is still being written.")
        await asyncio.sleep(PAUSE_SECONDS)
    return text


async def _sound(user: User, text: str, voice: str) -> StreamingHttpResponse:
    pieces = await speech.read_aloud(user, text, voice)
    headers = {"Content-Type": "audio/mpeg", "Cache-Control": "no-store"}
    return StreamingHttpResponse(pieces, headers=headers)


async def _person(request: HttpRequest, method: str) -> User:
    if request.method != method:
        raise NotFound("Endpoint not found")
    return await authenticate(request)


async def _speaker(request: HttpRequest) -> User:
    user = await _person(request, "POST")
    await in_database(check_speech, user, client_ip(request))
    return user
