"""How much a model reads of a body, whatever its dialect, before a provider counts it. Pure.

What is no picture, document or sound is counted by its bytes at most (providers/sizes.py), so what
is not known of a body is counted, too.
"""

from dataclasses import dataclass

from librechat_backend.lib.json import JSONDict, JSONValue
from providers.sizes import (
    decoded_bytes,
    json_tokens,
    most_document_tokens,
    own_overhead_tokens,
    window_tokens,
)
from providers.tokens import estimate_tokens
from providers.vision import most_image_tokens

# Estimates: of one picture, and of one page; a page of PDF has some 50 kB.
IMAGE_TOKENS = 1_600
_PAGE_TOKENS, _PAGE_BYTES = 3_000, 50_000
# 32 tokens for a second, of 750 bytes at least; some 8,000 as sound is usually stored.
_AUDIO_BYTES_PER_TOKEN, _AUDIO_BYTES_PER_TOKEN_LEAST = 250, 20

# Members of a body that hold what a model reads.
_TEXT_MEMBERS = frozenset({
    "content", "text", "input", "prompt", "system", "instructions", "arguments", "output", "query",
    "documents",
})  # fmt: skip
# What a model reads as JSON; Responses have the schema of an answer below "text".
_JSON_MEMBERS = frozenset(
    {"tools", "functions", "response_format", "output_format", "output_config"}
)
# What a provider looks up, or has kept.
_REACHING_OUT = frozenset(
    {"web_search_options", "previous_response_id", "conversation", "mcp_servers"}
)
_IMAGES = ("image_url", "input_image", "image")
_DOCUMENTS = ("file", "input_file", "document")
_SOUNDS = ("input_audio", "audio")
# Tools that a provider does not run by itself.
_OWN_TOOLS = ("function", "custom", None)
_DATA = "data:"

# Values, and whether their strings are text.
Inner = list[tuple[JSONValue, bool]]


@dataclass(slots=True)
class Document:
    """``encoded`` in base64; None: it is kept elsewhere, and nobody knows its size."""

    media_type: str
    encoded: str | None


@dataclass(slots=True)
class BodySize:
    """``media_characters`` of the body are pictures, documents and sound; ``text`` and ``tokens``
    are estimated tokens of what is written, and those that were sent as numbers; ``form``: bytes
    of a form, which holds sound."""

    text: int = 0
    tokens: int = 0
    images: int = 0
    messages: int = 0
    tools: int = 0
    sound_bytes: int = 0
    form: int = 0
    media_characters: int = 0
    reaches_out: bool = False
    documents: tuple[Document, ...] = ()

    def estimated(self) -> int:
        pages = sum(map(_estimated_document, self.documents))
        sound = self.sound_bytes // _AUDIO_BYTES_PER_TOKEN
        return self.text + self.tokens + self.images * IMAGE_TOKENS + pages + sound

    def most_sound(self) -> int:
        return -(-(self.sound_bytes + self.form) // _AUDIO_BYTES_PER_TOKEN_LEAST)

    def most(self, body_bytes: int, model: str) -> int:
        """Without sound. ``body_bytes``: of all that is sent."""
        if self.reaches_out:
            return max(window_tokens(model), body_bytes)
        return (
            own_overhead_tokens(self.messages, self.tools)
            + max(body_bytes - self.media_characters - self.form, self.tokens)
            + self.images * most_image_tokens(model)
            + sum(_most_of_document(document, model) for document in self.documents)
        )


def _estimated_document(document: Document) -> int:
    size = decoded_bytes(document.encoded or "")
    return _PAGE_TOKENS * max(1, size // _PAGE_BYTES)


def _most_of_document(document: Document, model: str) -> int:
    if document.encoded is None:
        return window_tokens(model)
    return most_document_tokens(document.media_type, decoded_bytes(document.encoded), model)


def size_of(body: JSONValue) -> BodySize:
    size = BodySize()
    if not isinstance(body, dict):
        return size
    told = _told_as_json(body)
    size.text = sum(map(json_tokens, told.values()))
    size.reaches_out = _reaches_out(body)
    size.tools = _objects_in(body, "tools") + _objects_in(body, "functions")
    size.messages = _objects_in(body, "messages") + _objects_in(body, "input")
    left = [(each, name in _TEXT_MEMBERS) for name, each in body.items() if name not in told]
    while left:
        value, is_text = left.pop()
        if not isinstance(value, str):
            left += _count(value, size, is_text=is_text)
        elif is_text:
            size.text += estimate_tokens(value)
    return size


def _told_as_json(body: JSONDict) -> JSONDict:
    told = {}
    if not body.keys().isdisjoint(_JSON_MEMBERS):
        told = {name: body[name] for name in _JSON_MEMBERS if body.get(name)}
    if isinstance(body.get("text"), dict):
        told["text"] = body["text"]
    return told


def _reaches_out(body: JSONDict) -> bool:
    """Whether a provider's own tools, or what it keeps, may be read as well."""
    if not body.keys().isdisjoint(_REACHING_OUT) and any(map(body.get, _REACHING_OUT)):
        return True
    return any(tool.get("type") not in _OWN_TOOLS for tool in _objects(body.get("tools")))


def _objects_in(body: JSONDict, name: str) -> int:
    return len(_objects(body[name])) if name in body else 0


def _objects(value: JSONValue) -> list[JSONDict]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _count(value: JSONValue, size: BodySize, *, is_text: bool) -> Inner:
    """Of what is no string: what is inside it and is to be counted yet."""
    if isinstance(value, list):
        return [(each, is_text) for each in value]
    if isinstance(value, dict):
        return _count_object(value, size)
    if is_text and isinstance(value, int):
        size.tokens += 1
    return []


def _count_object(value: JSONDict, size: BodySize) -> Inner:
    kind = value.get("type")
    if kind in _IMAGES:
        size.images += 1
        size.media_characters += len(_data_in(value))
    elif kind in _SOUNDS:
        encoded = _data_in(value)
        size.sound_bytes += decoded_bytes(encoded)
        size.media_characters += len(encoded)
    elif kind in _DOCUMENTS and not _is_written(value):
        _count_document(value, size)
    else:
        return [(each, name in _TEXT_MEMBERS) for name, each in value.items()]
    return []


def _is_written(block: JSONDict) -> bool:
    """A document whose text is in the request as it is."""
    source = block.get("source")
    return isinstance(source, dict) and source.get("type") in ("text", "content")


def _count_document(value: JSONDict, size: BodySize) -> None:
    encoded = _data_in(value)
    source = value.get("source")
    media_type = source.get("media_type") if isinstance(source, dict) else None
    if encoded.startswith(_DATA):
        media_type = encoded[len(_DATA) :].partition(";")[0]
    document = Document(str(media_type or ""), encoded or None)
    size.documents = (*size.documents, document)
    size.media_characters += len(encoded)


def _data_in(block: JSONDict) -> str:
    """What stands in a block in base64, as each dialect has it; empty for what is elsewhere."""
    for name in ("source", "input_audio", "file", "image_url"):
        inner = block.get(name)
        if isinstance(inner, dict):
            return _data_in(inner)
    url = next((v for name in ("url", "image_url") if isinstance(v := block.get(name), str)), "")
    if url.startswith(_DATA):
        return url
    data = block.get("data") or block.get("file_data")
    return data if isinstance(data, str) else ""
