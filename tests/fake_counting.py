"""What an honest provider counts of a request, at most: the dearest tokenizer there can be, which
makes a token of each byte, and what providers publish of pictures, pages and sound.
"""

import base64
import json
from typing import Any

# Published: a page is up to 3,000 tokens of text and one picture; a second of sound up to 32.
PAGE_TEXT_TOKENS = 3_000
SOUND_TOKENS_PER_SECOND, SOUND_BYTES_PER_SECOND = 32, 750
MESSAGE_TOKENS, TOOLS_TOKENS = 4, 700
PICTURE_TOKENS = {
    "gpt-4o-mini": 2_833 + 8 * 5_667,
    "gpt": 1_536,
    "claude-opus-4-7": 4_784,
    "gemini": 16 * 258,
}
_OTHER_PICTURES = 1_600


def tokens(body: dict[str, Any], model: str) -> int:
    messages = body.get("messages") or body.get("contents") or body.get("input") or []
    around = MESSAGE_TOKENS * (len(messages) + 1) if isinstance(messages, list) else MESSAGE_TOKENS
    tools = body.get("tools")
    told = len(json.dumps(tools, ensure_ascii=False).encode()) + TOOLS_TOKENS if tools else 0
    schema = body.get("response_format") or (body.get("text") or {}).get("format")
    told += len(json.dumps(schema, ensure_ascii=False).encode()) if schema else 0
    system = body.get("system") or body.get("systemInstruction") or body.get("instructions")
    return around + told + _of(system, model) + _of(messages, model)


def picture_tokens(model: str) -> int:
    return next((n for name, n in PICTURE_TOKENS.items() if name in model), _OTHER_PICTURES)


def _of(value: Any, model: str) -> int:
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, list):
        return sum(_of(each, model) for each in value)
    if not isinstance(value, dict):
        return 0
    media_type, data = _media(value)
    if media_type is None:
        return sum(_of(each, model) for name, each in value.items() if name not in ("role", "type"))
    return _of_media(media_type, data, model)


def _media(part: dict[str, Any]) -> tuple[str | None, bytes]:
    inline = part.get("inlineData") or part.get("inline_data") or part.get("source")
    if isinstance(inline, dict) and "data" in inline and inline.get("type") != "text":
        kind = next((inline[n] for n in ("mimeType", "mime_type", "media_type") if n in inline), "")
        return kind, _decoded(inline["data"])
    if sound := part.get("input_audio"):
        return "audio/mpeg", _decoded(sound["data"])
    url = part.get("image_url") or (part.get("file") or part).get("file_data")
    url = url.get("url") if isinstance(url, dict) else url
    if isinstance(url, str) and url.startswith("data:"):
        head, _, data = url.partition(",")
        return head[5:].partition(";")[0], _decoded(data)
    return ("image/*" if url else None), b""


def _decoded(data: str) -> bytes:
    """Gemini's library spells it for addresses."""
    return base64.b64decode(data.translate({45: "+", 95: "/"}) + "==")


def _of_media(media_type: str, data: bytes, model: str) -> int:
    if media_type.startswith("image/"):
        return picture_tokens(model)
    if media_type.startswith("audio/"):
        return -(-len(data) * SOUND_TOKENS_PER_SECOND // SOUND_BYTES_PER_SECOND)
    if media_type == "application/pdf":
        return data.count(b"/Type /Page ") * (PAGE_TEXT_TOKENS + picture_tokens(model))
    return len(data)
