"""What is passed on as it is, to channels that speak OpenAI's dialect: embeddings, moderations,
rankings, images, sound.
"""

import base64
import struct
from collections.abc import Callable
from dataclasses import replace

from gateway.calls import Call
from gateway.errors import ApiError, invalid
from gateway.formats import form, reading
from gateway.http import Reply
from librechat_backend.lib import json
from librechat_backend.lib.forms import written
from librechat_backend.lib.ids import new_uuid
from librechat_backend.lib.json import JSONDict, JSONValue
from providers import client, relay
from providers.adapters.failures import failure
from providers.adapters.streaming import UNREADABLE
from providers.errors import ErrorKind
from providers.failover import first_to_begin
from providers.relay import Relayed, WireDialect
from providers.route_table import Attempt

# Of the forms about recordings; each may be there once.
_FIELDS = ("model", "provider", "language", "prompt", "response_format")

# OpenAI's, where a request names none.
_MODERATION_MODEL = "omni-moderation-latest"


async def embeddings(call: Call) -> Reply:
    body = call.body()
    wanted = reading.optional_text(body, "encoding_format") or "float"
    if wanted not in ("float", "base64"):
        raise invalid("encoding_format", "float or base64")
    reading.whole_number(body, "dimensions")
    if not _can_embed(body.get("input")):
        raise invalid("input", "a string, an array of strings, or tokens")
    relayed = await _pass_json(call, "/embeddings", body)
    try:
        vectors = _in_encoding(relayed.body, wanted)
    except (*UNREADABLE, struct.error) as error:
        raise failure(ErrorKind.MALFORMED) from error
    return call.relayed_reply(vectors, relayed.usage)


def _can_embed(value: JSONValue) -> bool:
    """A text, texts, a text as tokens, such texts; or parts, where models see pictures, too."""
    if isinstance(value, str):
        return bool(value)
    if not isinstance(value, list) or not value:
        return False
    are_parts = all(isinstance(each, dict) for each in value)
    return are_parts or _are_texts(value) or _is_tokens(value) or all(map(_is_tokens, value))


def _are_texts(values: list[JSONValue]) -> bool:
    return all(isinstance(each, str) for each in values)


def _is_tokens(value: JSONValue) -> bool:
    if not isinstance(value, list) or not value:
        return False
    return all(type(each) in (int, float) and each >= 0 and each % 1 == 0 for each in value)


async def moderations(call: Call) -> Reply:
    body = call.body()
    value = body.get("input")
    if not isinstance(value, str | list):
        raise invalid("input", "a string, an array of strings, or an array of parts")
    if isinstance(value, list) and not _are_texts(value):
        reading.parts(value, "input")
    asked = body if body.get("model") is not None else body | {"model": _MODERATION_MODEL}
    relayed = await _pass_json(call, "/moderations", asked)
    return call.relayed_reply(relayed.body, relayed.usage)


async def rerank(call: Call) -> Reply:
    """Texts by how well they answer a question, in the form Cohere, Jina and vLLM have in common;
    OpenAI has none."""
    body = call.body()
    if not reading.optional_text(body, "query"):
        raise invalid("query", "a string")
    if not _can_rank(body.get("documents")):
        raise invalid("documents", "an array of strings or of objects")
    reading.whole_number(body, "top_n")
    relayed = await _pass_json(call, "/rerank", body)
    return call.relayed_reply(relayed.body, relayed.usage)


def _can_rank(value: JSONValue) -> bool:
    if not isinstance(value, list) or not value:
        return False
    return _are_texts(value) or all(isinstance(each, dict) for each in value)


async def images(call: Call) -> Reply:
    body = call.body()
    if not reading.optional_text(body, "prompt"):
        raise invalid("prompt", "a string")
    relayed = await _pass_json(call, "/images/generations", body)
    return call.relayed_reply(relayed.body, relayed.usage)


async def speech(call: Call) -> Reply:
    """The sound as the provider sends it."""
    body = call.body()
    if not reading.optional_text(body, "input"):
        raise invalid("input", "a string")
    relayed = await _pass_json(call, "/audio/speech", body, is_json=False)
    call.finish()
    return Reply(relayed.body, content_type=relayed.content_type)


async def transcriptions(call: Call) -> Reply:
    return await _pass_form(call, "/audio/transcriptions")


async def translations(call: Call) -> Reply:
    return await _pass_form(call, "/audio/translations")


async def _pass_json(call: Call, path: str, body: JSONDict, *, is_json: bool = True) -> Relayed:
    _find_model(call, reading.model_name(body), body.get("provider"))
    sent = {name: value for name, value in body.items() if name != "provider"}

    def make_body(attempt: Attempt) -> bytes:
        return json.dumps(sent | {"model": attempt.model})

    return await _fetch(call, path, make_body, "application/json", is_json=is_json)


def _find_model(call: Call, name: str, provider: JSONValue = None) -> None:
    """Raises ApiError also for a preset: its instructions and bounds are those of a chat."""
    if call.find_model(name, provider).preset is not None:
        raise ApiError(
            "A preset answers chats only; name a model.",
            param="model",
            code="unsupported_operation",
        )


async def _pass_form(call: Call, path: str) -> Reply:
    """The form is written anew: a provider may take the caller's apart in another way than we."""
    parts = form.parts_of(call.request.body, call.request.headers.get("content-type", ""))
    fields = {name: form.field_of(parts, name) for name in _FIELDS}
    form.check_file(parts, "file")
    _find_model(call, reading.model_name(fields), fields["provider"] or None)
    sent = [part for part in parts if part.name != "provider"]
    boundary = new_uuid()

    def make_body(attempt: Attempt) -> bytes:
        return written(form.with_field(sent, "model", attempt.model), boundary)

    content_type = f"multipart/form-data; boundary={boundary}"
    relayed = await _fetch(call, path, make_body, content_type, is_json=False)
    call.trace.usage = relay.told_usage(relayed)
    call.finish()
    return Reply(relayed.body, content_type=relayed.content_type)


async def _fetch(
    call: Call,
    path: str,
    make_body: Callable[[Attempt], bytes],
    content_type: str,
    *,
    is_json: bool,
) -> Relayed:
    made = call.plan()
    able = tuple(a for a in made.attempts if relay.can_pass(a.channel, path))
    if not able:
        raise ApiError(
            f"The provider of this model does not offer {path.lstrip('/')}.",
            param="model",
            code="unsupported_operation",
        )

    async def attempt_one(attempt: Attempt) -> Relayed:
        return await relay.fetch(
            attempt,
            client.connection_to(attempt.channel, attempt.key),
            path,
            make_body(attempt),
            dialect=WireDialect.OPENAI,
            content_type=content_type,
            is_json=is_json,
        )

    relayed = await first_to_begin(
        replace(made, attempts=able), attempt_one, trace=call.trace, what=call.entry.requested_model
    )
    call.has_begun()
    call.trace.usage = relayed.usage
    return relayed


def _in_encoding(raw: bytes, wanted: str) -> bytes:
    """Some services know one encoding of vectors only."""
    body = json.loads(raw)
    rows = body.get("data") or []
    is_text = [isinstance(row.get("embedding"), str) for row in rows]
    if all(each is (wanted == "base64") for each in is_text):
        return raw
    for row in rows:
        row["embedding"] = _recoded(row["embedding"], wanted)
    return json.dumps(body)


def _recoded(vector: JSONValue, wanted: str) -> JSONValue:
    """32-bit floats, the lowest byte first, in base64; or as numbers."""
    if isinstance(vector, str) and wanted == "float":
        data = base64.b64decode(vector)
        return list(struct.unpack(f"<{len(data) // 4}f", data))
    if isinstance(vector, list) and wanted == "base64":
        return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
    return vector
