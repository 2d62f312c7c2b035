"""POST /v1/messages: Anthropic's dialect."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from gateway import answers, targets
from gateway.answers import Answer
from gateway.calls import Call
from gateway.errors import anthropic_body, from_provider
from gateway.formats import anthropic_messages, reading
from gateway.formats.anthropic_messages import EventEncoder
from gateway.http import Reply, StreamReply
from gateway.targets import Target
from gateway.views.chat import relayed
from librechat_backend.lib import json
from librechat_backend.lib.json import JSONDict
from providers.adapters.anthropic_wire import events_of_body
from providers.client import Begun
from providers.errors import ProviderError
from providers.relay import Relayed, RelayedStream, WireDialect
from providers.types import ChatRequest, StreamEvent

PATH = "/messages"


async def messages(call: Call) -> Reply | StreamReply:
    body = call.body()
    name = reading.model_name(body)
    anthropic_messages.check(body)
    entry = call.find_model(name, body.get("provider"))
    parameters, spelled = anthropic_messages.parameters_of(body)
    own_system = anthropic_messages.system_of(body) if entry.preset else ""
    target = targets.resolve(
        entry,
        call.caller.offer,
        parameters=parameters,
        spelled=spelled,
        system=own_system,
        tool_names=anthropic_messages.tool_names(body),
        user_name=call.caller.user.display_name,
    )
    is_stream = reading.boolean(body, "stream")
    call.entry.is_streamed = is_stream
    call.aim(target, own_system)
    sent = {name: value for name, value in body.items() if name != "provider"}
    answer = await answers.begin(
        call,
        dialect=WireDialect.ANTHROPIC,
        path=PATH,
        make_body=lambda attempt: json.dumps(sent | {"model": attempt.model}),
        make_request=lambda: _neutral_request(call, body, target),
        is_stream=is_stream,
        # A preset's rules are written by the adapter, which knows what each model takes.
        may_relay=not target.has_preset,
    )
    if is_stream:
        return StreamReply(_frames(call, answer), beat=anthropic_messages.PING)
    return await _whole(call, answer)


def _neutral_request(call: Call, body: JSONDict, target: Target) -> ChatRequest:
    request = anthropic_messages.parse(body).request
    return replace(
        request,
        system=request.system if target.system is None else target.system,
        parameters=target.parameters,
        user_id=call.caller.user.id,
    )


async def _whole(call: Call, answer: Answer) -> Reply:
    if isinstance(answer, Relayed):
        return call.relayed_reply(answer.body, answer.usage)
    assert isinstance(answer, Begun)  # noqa: S101 - streams are opened for streams alone
    whole = await answers.gather(call, answer)
    call.finish()
    usage, _ = call.usage()
    made = anthropic_messages.message(whole, model=call.trace.model, usage=usage)
    return call.whole_reply(json.dumps(made))


async def _frames(call: Call, answer: Answer) -> AsyncGenerator[bytes, None]:
    """Errors after the first words are a frame of their own, the last one."""
    pieces = relayed(call, answer) if isinstance(answer, RelayedStream) else _encoded(call, answer)
    try:
        async with aclosing(pieces):
            async for piece in pieces:
                call.keep(piece)
                yield piece
    except ProviderError as error:
        call.broke_off(error)
        yield anthropic_messages.error_frame(anthropic_body(from_provider(error)))
        return
    call.finish()


async def _encoded(call: Call, answer: Relayed | Begun) -> AsyncGenerator[bytes, None]:
    encoder = EventEncoder(call.trace.model)
    yield encoder.begin(call.estimated_input())
    async with aclosing(_batches(answer)) as batches:
        async for batch in batches:
            call.see(batch)
            if block := encoder.frames(batch):
                yield block
    call.finish()
    usage, _ = call.usage()
    yield encoder.end(usage)


async def _batches(answer: Relayed | Begun) -> AsyncGenerator[list[StreamEvent], None]:
    if isinstance(answer, Relayed):
        yield events_of_body(json.loads(answer.body))
        return
    async with aclosing(answer.events) as events:
        for batch in answer.first:
            yield batch
        async for batch in events:
            yield batch
