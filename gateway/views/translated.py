"""POST /v1/completions and /v1/responses.

The request is read into neutral values for whatever channel serves the model. Responses are passed
on as they are where the channel has them, too, and no preset has a say.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from gateway import answers, targets
from gateway.answers import Answer
from gateway.calls import Call
from gateway.errors import from_provider, openai_body
from gateway.formats import completions as text_format
from gateway.formats import (
    openai_chat,
    openai_chat_answers,
    openai_responses,
    openai_responses_answers,
    reading,
)
from gateway.formats.completions import TextEncoder
from gateway.formats.openai_responses_answers import ResponseWriter
from gateway.formats.reading import Asked
from gateway.http import Reply, StreamReply
from gateway.views.chat import relayed
from librechat_backend.lib import json
from librechat_backend.lib.json import JSONDict
from providers.client import Begun
from providers.errors import ProviderError
from providers.relay import Relayed, RelayedStream, WireDialect
from providers.types import ChatRequest, StreamEvent


async def completions(call: Call) -> Reply | StreamReply:
    body = call.body()
    begun = await _begin(call, body, text_format.parse(body))
    encoder = TextEncoder(call.trace.model)
    if call.entry.is_streamed:
        wants_usage = openai_chat.wants_usage(body)
        return StreamReply(_text_frames(call, begun, encoder, wants_usage=wants_usage))
    whole = await answers.gather(call, begun)
    call.finish()
    usage, is_estimated = call.usage()
    return call.whole_reply(json.dumps(encoder.whole(whole, usage, is_estimated=is_estimated)))


async def responses(call: Call) -> Reply | StreamReply:
    body = call.body()
    answer = await _ask(call, body, openai_responses.parse(body), may_relay=True)
    if isinstance(answer, RelayedStream):
        return StreamReply(_relayed_frames(call, answer))
    if isinstance(answer, Relayed) and call.entry.is_streamed:
        return StreamReply(_relayed_whole(call, answer))
    if isinstance(answer, Relayed):
        return call.relayed_reply(answer.body, answer.usage)
    writer = ResponseWriter(body, call.trace.model)
    if call.entry.is_streamed:
        return StreamReply(_response_frames(call, answer, writer))
    whole = await answers.gather(call, answer)
    call.finish()
    usage, _ = call.usage()
    return call.whole_reply(json.dumps(writer.whole(whole, usage)))


async def _begin(call: Call, body: JSONDict, asked: Asked) -> Begun:
    answer = await _ask(call, body, asked, may_relay=False)
    assert isinstance(answer, Begun)  # noqa: S101 - nothing was relayed
    return answer


async def _ask(call: Call, body: JSONDict, asked: Asked, *, may_relay: bool) -> Answer:
    entry = call.find_model(asked.model, body.get("provider"))
    person = call.caller.user
    target = targets.of_asked(entry, call.caller.offer, asked, user_name=person.display_name)
    system = asked.request.system if target.system is None else target.system
    request = replace(asked.request, system=system, parameters=target.parameters, user_id=person.id)
    call.entry.is_streamed = reading.boolean(body, "stream")
    call.aim(target, asked.request.system)

    def make_request() -> ChatRequest:
        if may_relay:
            openai_responses.check_translatable(body)
        return request

    # What a provider stores could be asked for by everybody who uses the same account.
    sent = {name: value for name, value in body.items() if name != "provider"} | {"store": False}
    return await answers.begin(
        call,
        dialect=WireDialect.RESPONSES,
        path="/responses",
        make_body=lambda attempt: json.dumps(sent | {"model": attempt.model}),
        make_request=make_request,
        is_stream=call.entry.is_streamed,
        may_relay=may_relay and not target.has_preset,
    )


async def _text_frames(
    call: Call, begun: Begun, encoder: TextEncoder, *, wants_usage: bool
) -> AsyncGenerator[bytes, None]:
    try:
        async with aclosing(_batches(call, begun)) as batches:
            async for batch in batches:
                if block := encoder.frames(batch):
                    call.keep(block)
                    yield block
    except ProviderError as error:
        call.broke_off(error)
        yield openai_chat_answers.error_frame(openai_body(from_provider(error)))
        return
    call.finish()
    if wants_usage:
        usage, is_estimated = call.usage()
        yield encoder.usage(usage, is_estimated=is_estimated)
    yield openai_chat_answers.DONE


async def _relayed_frames(call: Call, stream: RelayedStream) -> AsyncGenerator[bytes, None]:
    """Errors after the first words are a frame of their own, the last one."""
    try:
        async with aclosing(relayed(call, stream)) as blocks:
            async for block in blocks:
                call.keep(block)
                yield block
    except ProviderError as error:
        call.broke_off(error)
        yield openai_responses_answers.error_frame(from_provider(error), stream.frame_count)
        return
    call.finish()


async def _relayed_whole(call: Call, answer: Relayed) -> AsyncGenerator[bytes, None]:
    block = openai_responses_answers.as_stream(json.loads(answer.body))
    call.keep(block)
    call.finish()
    yield block


async def _response_frames(
    call: Call, begun: Begun, writer: ResponseWriter
) -> AsyncGenerator[bytes, None]:
    yield writer.begin()
    try:
        async with aclosing(_batches(call, begun)) as batches:
            async for batch in batches:
                if block := writer.frames(batch):
                    call.keep(block)
                    yield block
    except ProviderError as error:
        call.broke_off(error)
        yield writer.failed(from_provider(error))
        return
    call.finish()
    usage, _ = call.usage()
    yield writer.end(usage)


async def _batches(call: Call, begun: Begun) -> AsyncGenerator[list[StreamEvent], None]:
    async with aclosing(begun.events) as events:
        for batch in begun.first:
            call.see(batch)
            yield batch
        async for batch in events:
            call.see(batch)
            yield batch
