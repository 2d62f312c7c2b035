"""POST /v1/chat/completions and /v1/completions."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from functools import partial

from gateway import answers, targets
from gateway.answers import Answer
from gateway.calls import Call
from gateway.errors import from_provider, openai_body
from gateway.formats import openai_chat, openai_chat_answers, reading
from gateway.formats.openai_chat_answers import ChunkEncoder
from gateway.formats.whole import Whole
from gateway.http import Reply, StreamReply
from gateway.targets import Target
from librechat_backend.lib import json
from librechat_backend.lib.json import JSONDict
from providers.adapters.openai_wire import events_of_body, parameter_fields, reasoning_fields
from providers.client import Begun
from providers.errors import ProviderError
from providers.relay import Relayed, RelayedStream, WireDialect, refused_fields
from providers.route_table import Attempt
from providers.types import ChatRequest

PATH = "/chat/completions"

# What a caller may add to a preset; everything else a preset sets or leaves alone.
_FREE_WITH_PRESET = frozenset({
    "messages", "tools", "tool_choice", "parallel_tool_calls", "response_format", "n", "seed",
    "logprobs", "top_logprobs", "logit_bias", "user", "modalities", "audio", "prediction",
    "stream", "stream_options",
})  # fmt: skip


async def chat_completions(call: Call) -> Reply | StreamReply:
    body = call.body()
    name = reading.model_name(body)
    parameters, spelled = openai_chat.check(body)
    entry = call.find_model(name, body.get("provider"))
    own_system = openai_chat.system_of(body["messages"]) if entry.preset else ""
    target = targets.resolve(
        entry,
        call.caller.offer,
        parameters=parameters,
        spelled=spelled,
        system=own_system,
        tool_names=openai_chat.tool_names(body),
        user_name=call.caller.user.display_name,
    )
    is_stream = reading.boolean(body, "stream")
    call.entry.is_streamed = is_stream
    call.aim(target, own_system)
    wants_usage = openai_chat.wants_usage(body)
    answer = await answers.begin(
        call,
        dialect=WireDialect.OPENAI,
        path=PATH,
        make_body=lambda attempt: relayed_body(body, target, attempt, is_stream=is_stream),
        make_request=lambda: neutral_request(call, body, target),
        is_stream=is_stream,
        keeps_usage=wants_usage,
    )
    if is_stream:
        return StreamReply(_frames(call, answer, body, target, wants_usage=wants_usage))
    return await _whole(call, answer, body, target)


# -- What is asked of a provider -----------------------------------------------------------


def relayed_body(body: JSONDict, target: Target, attempt: Attempt, *, is_stream: bool) -> bytes:
    """The caller's body under the channel's name of the model and the preset's rules; with the
    usage asked for, so that it is always counted. Written anew even where nothing changes: of two
    members of one name a provider may heed another than we did."""
    sent = {**body, "model": attempt.model}
    sent.pop("provider", None)
    if target.has_preset:
        sent = {name: value for name, value in sent.items() if name in _FREE_WITH_PRESET}
        sent["model"] = attempt.model
        sent["messages"] = openai_chat.with_system(body["messages"], target.system or "")
        sent |= parameter_fields(attempt.model, target.parameters)
        sent |= reasoning_fields(attempt.model, target.parameters, attempt.channel.base_url)
    if is_stream:
        options = body.get("stream_options")
        sent["stream_options"] = {**(options or {}), "include_usage": True}
    for refused in refused_fields(attempt.channel):
        sent.pop(refused, None)
    return json.dumps(sent)


def neutral_request(call: Call, body: JSONDict, target: Target) -> ChatRequest:
    request = openai_chat.parse(body).request
    return replace(
        request,
        system=request.system if target.system is None else target.system,
        parameters=target.parameters,
        user_id=call.caller.user.id,
    )


# -- One body ------------------------------------------------------------------------------


async def _whole(call: Call, answer: Answer, body: JSONDict, target: Target) -> Reply:
    if isinstance(answer, Relayed):
        return call.relayed_reply(answer.body, answer.usage)
    assert isinstance(answer, Begun)  # noqa: S101 - streams are opened for streams alone
    wholes = [await answers.gather(call, answer)]
    for _ in range(1, reading.whole_number(body, "n") or 1):
        wholes.append(await _another(call, answer, body, target))
    call.finish()
    usage, is_estimated = call.usage()
    made = openai_chat_answers.completion(
        wholes, model=call.trace.model, usage=usage, is_estimated=is_estimated
    )
    return call.whole_reply(json.dumps(made))


async def _another(call: Call, first: Begun, body: JSONDict, target: Target) -> Whole:
    request = partial(neutral_request, call, body, target)
    return await answers.another(call, first.attempt, request)


# -- A stream ------------------------------------------------------------------------------


async def _frames(
    call: Call, answer: Answer, body: JSONDict, target: Target, *, wants_usage: bool
) -> AsyncGenerator[bytes, None]:
    """Errors after the first words are a frame of their own, the last one."""
    encoder = ChunkEncoder(call.trace.model)
    if isinstance(answer, RelayedStream):
        pieces = relayed(call, answer)
    else:
        pieces = _pieces(call, answer, encoder, body, target)
    try:
        async with aclosing(pieces):
            async for piece in pieces:
                call.keep(piece)
                yield piece
    except ProviderError as error:
        call.broke_off(error)
        yield openai_chat_answers.error_frame(openai_body(from_provider(error)))
        return
    call.finish()
    is_reported = isinstance(answer, RelayedStream) and answer.usage is not None
    if wants_usage and not is_reported:
        usage, is_estimated = call.usage()
        yield encoder.usage(usage, is_estimated=is_estimated)
    yield openai_chat_answers.DONE


async def _pieces(
    call: Call, answer: Relayed | Begun, encoder: ChunkEncoder, body: JSONDict, target: Target
) -> AsyncGenerator[bytes, None]:
    if isinstance(answer, Relayed):
        yield encoder.begin() + encoder.frames(events_of_body(json.loads(answer.body)))
    else:
        async with aclosing(_encoded(call, answer, encoder, 0)) as blocks:
            async for block in blocks:
                yield block
        for index in range(1, reading.whole_number(body, "n") or 1):
            whole = await _another(call, answer, body, target)
            yield encoder.begin(index) + encoder.whole(whole, index)


async def relayed(call: Call, stream: RelayedStream) -> AsyncGenerator[bytes, None]:
    """The provider's own frames; what they take is counted whatever becomes of them."""
    try:
        async with aclosing(stream.blocks()) as blocks:
            async for block in blocks:
                if block:
                    yield block
    finally:
        call.count(stream.usage, stream.frame_count)


async def _encoded(
    call: Call, begun: Begun, encoder: ChunkEncoder, choice: int
) -> AsyncGenerator[bytes, None]:
    yield encoder.begin(choice)
    async with aclosing(begun.events) as events:
        for batch in begun.first:
            call.see(batch)
            yield encoder.frames(batch, choice)
        async for batch in events:
            call.see(batch)
            if block := encoder.frames(batch, choice):
                yield block
