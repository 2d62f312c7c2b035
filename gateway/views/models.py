"""GET /v1/models and what tells about models."""

from dataclasses import replace
from hashlib import sha256

from gateway.calls import Call
from gateway.catalog import Entry
from gateway.errors import UnknownModel
from gateway.http import Reply, json_reply
from librechat_backend.lib.json import JSONDict
from usage.pricing import PRICED_TOKENS, PriceData
from usage.usd import plain_usd

ANTHROPIC_HEADER = "anthropic-version"
_CREATED = 1_700_000_000  # nobody knows when a model was made; clients want a number
_CREATED_ISO = "2023-11-14T22:13:20Z"


async def list_models(call: Call) -> Reply:
    entries = call.caller.catalog.listed()
    call.finish()
    if ANTHROPIC_HEADER in call.request.headers:
        return _unless_known(call, json_reply(_anthropic_list(entries)))
    data = [model_wire(entry, call.price_of(entry)) for entry in entries]
    patterns = list(call.caller.catalog.patterns)
    reply = json_reply({"object": "list", "data": data, "patterns": patterns})
    return _unless_known(call, reply)


def _unless_known(call: Call, reply: Reply) -> Reply:
    """With a tag; nothing but the tag for who names it."""
    tag = f'"{sha256(reply.body).hexdigest()[:32]}"'
    headers = reply.headers | {"etag": tag, "vary": f"authorization, {ANTHROPIC_HEADER}"}
    known = call.request.headers.get("if-none-match", "")
    if tag in (each.strip().removeprefix("W/") for each in known.split(",")):
        return Reply(b"", 304, headers=headers)
    return replace(reply, headers=headers)


async def show_model(call: Call, model_id: str) -> Reply:
    """Raises UnknownModel."""
    entry = call.caller.find(model_id)
    if entry is None:
        raise UnknownModel(model_id)
    call.finish()
    is_anthropic = ANTHROPIC_HEADER in call.request.headers
    if is_anthropic:
        return json_reply(_anthropic_wire(entry))
    return json_reply(model_wire(entry, call.price_of(entry)))


async def model_options(call: Call) -> Reply:
    """More about each model than OpenAI's list has."""
    data = [option_wire(entry, call.price_of(entry)) for entry in call.caller.catalog.listed()]
    call.finish()
    return json_reply({"object": "list", "data": data})


def model_wire(entry: Entry, price: PriceData | None) -> JSONDict:
    """OpenAI's members, and what a program needs to choose. ``pricing`` None: not known."""
    return {
        "id": entry.id,
        "object": "model",
        "created": _CREATED,
        "owned_by": entry.endpoint.name,
        "name": entry.name,
        "context_window": entry.context_window,
        "context_length": entry.context_window,
        "max_output_tokens": entry.max_output_tokens,
        "pricing": _pricing_wire(price),
        "is_preset": entry.preset is not None,
    }


def _pricing_wire(price: PriceData | None) -> JSONDict | None:
    """USD for each token and request, as text: the members OpenRouter has."""
    if price is None:
        return None
    rates = price.rates
    told = {
        "prompt": rates.input,
        "completion": rates.output,
        "input_cache_read": rates.cache_read,
        "input_cache_write": rates.cache_write,
        "internal_reasoning": rates.reasoning,
        "request": price.request_credits * PRICED_TOKENS,
    }
    return {name: plain_usd(c, PRICED_TOKENS) for name, c in told.items() if c is not None}


def option_wire(entry: Entry, price: PriceData | None) -> JSONDict:
    defaults: JSONDict = {}
    description = ""
    if entry.preset is not None:
        hidden = {"system_message", "name", "description", "endpoint", "model"}
        defaults = {n: v for n, v in entry.preset.fields.items() if n not in hidden}
        description = str(entry.preset.fields.get("description", ""))
    return model_wire(entry, price) | {
        "provider": entry.endpoint.kind,
        "endpoint": entry.endpoint.name,
        "description": description,
        "base_model": entry.model,
        "defaults": defaults,
        "locked": sorted(entry.preset.locked) if entry.preset else [],
        "bounds": dict(entry.preset.bounds) if entry.preset else {},
        "is_available": True,
    }


def _anthropic_list(entries: list[Entry]) -> JSONDict:
    return {
        "data": [_anthropic_wire(entry) for entry in entries],
        "has_more": False,
        "first_id": entries[0].id if entries else None,
        "last_id": entries[-1].id if entries else None,
    }


def _anthropic_wire(entry: Entry) -> JSONDict:
    return {
        "type": "model",
        "id": entry.id,
        "display_name": entry.name,
        "created_at": _CREATED_ISO,
        "lifecycle": "active",
        "max_input_tokens": entry.context_window,
        "max_tokens": entry.max_output_tokens,
    }
