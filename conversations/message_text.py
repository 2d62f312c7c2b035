"""The words of a message, whatever it is made of. Pure."""

from librechat_backend.lib.json import JSONDict, JSONValue


def message_text(text: str, content: JSONValue) -> str:
    """What of a message is searched: its text, and the text and reasoning of its parts."""
    parts = content if isinstance(content, list) else []
    return "\n".join(filter(None, [text, *map(_part_text, parts)]))


def _part_text(part: JSONDict) -> str:
    text = part.get(part.get("type", "")) if part.get("type") in ("text", "think") else ""
    found = text.get("value") if isinstance(text, dict) else text
    return found if isinstance(found, str) else ""
