"""What tells how a request would fare, without asking a model."""

from datetime import UTC, datetime

from gateway.calls import Call
from gateway.errors import UnknownModel
from gateway.formats import anthropic_messages, openai_chat, reading
from gateway.http import Reply, json_reply
from gateway.routes import explain
from librechat_backend.lib.aio import in_database
from librechat_backend.lib.json import JSONDict
from providers.tokens import estimate_tokens
from providers.types import ChatRequest, TextPart, ToolCallPart, ToolResultPart
from usage.ledger.standing import Standing, standings
from usage.pricing import usd
from usage.serializers import standings_to_wire

_MESSAGE_TOKENS = 4


async def tokenize(call: Call) -> Reply:
    """``{model, input}`` or ``{model, messages}`` → how many tokens, by an estimate."""
    body = call.body()
    name = reading.model_name(body)
    call.find_model(name)
    texts = reading.texts(body, "input")
    count = sum(map(estimate_tokens, texts))
    if body.get("messages") is not None:
        openai_chat.check(body)
        count += count_request(openai_chat.parse(body).request)
    call.finish()
    return json_reply({"model": name, "tokens": count, "count": count, "method": "estimate"})


async def count_tokens(call: Call) -> Reply:
    """Anthropic's counterpart."""
    body = {"max_tokens": 1, **call.body()}
    anthropic_messages.check(body)
    call.find_model(reading.model_name(body))
    count = count_request(anthropic_messages.parse(body).request)
    call.finish()
    return json_reply({"input_tokens": count})


def count_request(request: ChatRequest) -> int:
    texts = [request.system]
    for message in request.messages:
        for part in message.parts:
            match part:
                case TextPart(text):
                    texts.append(text)
                case ToolCallPart(arguments=arguments):
                    texts.append(arguments)
                case ToolResultPart(output=output):
                    texts.append(output)
    return sum(map(estimate_tokens, texts)) + _MESSAGE_TOKENS * len(request.messages)


async def credits(call: Call) -> Reply:
    """What is left of everything calls with this key are paid from; in USD, and in credits."""
    told = await in_database(_standings, call)
    call.finish()
    left = [standing.left for standing in told]
    return json_reply(
        {
            "data": {"remaining_usd": usd(min(left)) if left else None},
            **standings_to_wire(told),
        }
    )


def _standings(call: Call) -> list[Standing]:
    caller = call.caller
    return standings(caller.user, caller.billing.pools_of(caller.payer, datetime.now(UTC)))


async def route_check(call: Call) -> Reply:
    """``?model=…&provider=…``: which channels would be asked, in which order, and why not others.

    The data plane's own plan; no provider is asked. Raises UnknownModel as a call would.
    """
    query = call.request.query()
    name, provider = query.get("model", ""), query.get("provider", "")
    entry = call.caller.find(reading.model_name({"model": name}), provider)
    if entry is None:
        raise UnknownModel(name)
    call.find_model(name, provider or None)
    plan = call.plan()
    call.finish()
    wire: JSONDict = {"object": "route", "model": name, **explain(entry, call, plan)}
    return json_reply(wire)
