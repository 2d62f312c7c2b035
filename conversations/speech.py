"""Speech for a person: which of their models listens and speaks, and what is read aloud."""

import asyncio
import re
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from accounts.models import User
from conversations.message_text import message_text
from conversations.models import Generation, Message
from librechat_backend.lib.aio import in_database
from librechat_backend.lib.errors import AppError, NotFound
from librechat_backend.lib.json import JSONDict
from presets.resolver import offer_for
from providers import speech
from providers.errors import ProviderError
from providers.failover import NotPaid
from providers.route_table import RouteQuery
from providers.trace import CallTrace
from usage.entries import Face, RequestEntry, Status
from usage.ledger.pools import Billing, Payer, billing_under
from usage.ledger.purse import Purse, Size
from usage.prices import current_prices
from usage.pricing import PriceTable, price_request
from usage.recorder import record

# Longer texts are spoken piece by piece, so that the first words are heard soon (04 §3).
PIECE_CHARACTERS = 1000
WHOLE_CHARACTERS = 4096


@dataclass(frozen=True, slots=True)
class Speech:
    """The models; None: nobody offers it to this person. ``groups``: as in RequestEntry."""

    listener: RouteQuery | None
    speaker: RouteQuery | None
    groups: list[JSONDict]
    payer: Payer
    prices: PriceTable
    billing: Billing

    def trace(self) -> CallTrace:
        """Of a call, with what it is paid from. Sound is paid by the call, not by tokens."""
        purse = Purse(
            self.payer, billing=self.billing, prices=self.prices, measure=lambda _: Size(0, 0)
        )
        return CallTrace(self.payer.user_id, purse=purse)


class SpeechFailed(AppError):
    """The provider did not do it."""

    status = 502


class SpeechNotPaid(AppError):
    """A budget of the person's or the balance has too little."""

    status = 429


def speech_for(user: User) -> Speech:
    """From what the person may use; the first in the order of the menu."""
    offer = offer_for(user)
    offered = [
        RouteQuery(model, offer.principal, info.name)
        for info in offer.endpoints
        for model in info.models
    ]
    heard = (each for each in offered if speech.hears(each.model))
    spoken = (each for each in offered if speech.speaks(each.model))
    groups: list[JSONDict] = [{"id": pk, "name": name} for pk, name in offer.resolution.groups]
    return Speech(
        next(heard, None),
        next(spoken, None),
        groups,
        Payer(user_id=user.pk, groups=offer.resolution.groups),
        current_prices(offer.access_stamp),
        billing_under(offer.access_stamp, exists=offer.has_billing),
    )


async def listen(user: User, recording: speech.Recording, language: str) -> str:
    """What was said. Raises NotFound where nobody listens, SpeechNotPaid, SpeechFailed."""
    offered = await in_database(speech_for, user)
    listener = offered.listener
    if listener is None:
        raise NotFound("Speech recognition is not available here.")
    try:
        with _recorded("transcription", listener, offered) as trace:
            return await speech.transcribe(recording, listener, language=language, trace=trace)
    except NotPaid as error:
        raise SpeechNotPaid(str(error.refused)) from error
    except ProviderError as error:
        raise SpeechFailed("The recording could not be turned into text.") from error


async def voices_for(user: User) -> list[str]:
    """Empty where nobody speaks."""
    speaker = (await in_database(speech_for, user)).speaker
    if speaker is None:
        return []
    return await speech.voices(speaker)


async def read_aloud(user: User, text: str, voice: str) -> AsyncGenerator[bytes, None]:
    """MP3, piece by piece; the first has been spoken when this returns.

    An unknown ``voice`` is replaced by the first. Raises NotFound, SpeechNotPaid, SpeechFailed.
    """
    offered = await in_database(speech_for, user)
    speaker = offered.speaker
    if speaker is None:
        raise NotFound("Reading aloud is not available here.")
    known = await speech.voices(speaker)
    spoken = _spoken(text, speaker, voice if voice in known else known[0], offered)
    try:
        first = await anext(spoken, b"")
    except NotPaid as error:
        raise SpeechNotPaid(str(error.refused)) from error
    except ProviderError as error:
        raise SpeechFailed("The text could not be read aloud.") from error
    return _continued(first, spoken)


async def _spoken(
    text: str, speaker: RouteQuery, voice: str, offered: Speech
) -> AsyncGenerator[bytes, None]:
    for piece in pieces_of(text):
        with _recorded("speech", speaker, offered) as trace:
            sound = await speech.speak(piece, speaker, voice=voice, trace=trace)
        yield sound


@contextmanager
def _recorded(operation: str, query: RouteQuery, offered: Speech) -> Iterator[CallTrace]:
    """One call in the log of requests, whatever becomes of it."""
    trace, entry = offered.trace(), RequestEntry(Face.CHAT, operation, status=Status.FAILED)
    try:
        yield trace
        entry.status = Status.OK
    except ProviderError as error:
        entry.error = str(error.kind)
        entry.status = Status.FAILED if trace.attempts else Status.REFUSED
        raise
    except asyncio.CancelledError:
        entry.status = Status.STOPPED
        raise
    finally:
        _fill_in(entry, trace, query, offered)
        record(entry)


def _fill_in(entry: RequestEntry, trace: CallTrace, query: RouteQuery, offered: Speech) -> None:
    entry.user_id, entry.groups = query.principal.id, offered.groups
    entry.endpoint, entry.requested_model = query.endpoint, query.model
    entry.served_model, entry.attempts = trace.model, trace.attempts
    entry.channel_id, entry.channel_name = trace.channel_id, trace.channel_name
    entry.key_id, entry.total_ms = trace.key_id, trace.total_ms
    # Sound is not counted in tokens.
    price_request(
        entry,
        offered.prices,
        kind=trace.channel_kind,
        has_begun=entry.status is Status.OK,
        is_counted=False,
    )
    entry.reservation = trace.reservation


async def _continued(
    first: bytes, rest: AsyncGenerator[bytes, None]
) -> AsyncGenerator[bytes, None]:
    """What fails in the middle ends the sound there."""
    yield first
    try:
        async for piece in rest:
            yield piece
    except ProviderError:
        return
    finally:
        await rest.aclose()


def pieces_of(text: str) -> Iterator[str]:
    """``text`` as it is while it is short; else cut at ends of sentences, lines or words."""
    text = text.strip()
    if len(text) < WHOLE_CHARACTERS:
        if text:
            yield text
        return
    while text:
        end = _end_of_piece(text)
        if piece := text[:end].strip():
            yield piece
        text = text[end:]


def _end_of_piece(text: str) -> int:
    if len(text) <= PIECE_CHARACTERS:
        return len(text)
    window = text[:PIECE_CHARACTERS]
    for pattern in (r"[.!?…]\s|\n", r"\s"):
        ends = [match.end() for match in re.finditer(pattern, window)]
        if ends:
            return ends[-1]
    return PIECE_CHARACTERS


def spoken_text(user: User, message_id: str) -> str | None:
    """Of a message of ``user``; None while it is being written. Raises NotFound."""
    message = Message.objects.owned_by(user).with_id(message_id).first()
    if message is not None:
        parts = message.content if isinstance(message.content, list) else []
        return message_text(message.text, [part for part in parts if part["type"] == "text"])
    running = Generation.objects.owned_by(user).running()
    if running.filter(response_message_id=message_id).exists():
        return None
    raise NotFound("Message not found")
