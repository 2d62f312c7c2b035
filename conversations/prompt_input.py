"""What people send to the library of prompts → columns (contract 03 §13.6–13.8)."""

import re

from conversations.models import Prompt
from conversations.models.prompt import (
    CATEGORY_MAX_LENGTH,
    COMMAND_MAX_LENGTH,
    NAME_MAX_LENGTH,
    ONELINER_MAX_LENGTH,
)
from conversations.services.prompts import Version
from librechat_backend.lib.errors import InvalidRequest
from librechat_backend.lib.json import JSONDict, JSONValue

MAX_LENGTHS = {
    "name": NAME_MAX_LENGTH,
    "oneliner": ONELINER_MAX_LENGTH,
    "category": CATEGORY_MAX_LENGTH,
    "command": COMMAND_MAX_LENGTH,
}
LABELS_MAX = 50
LABEL_MAX_LENGTH = 100

_COMMAND = re.compile(r"[a-z0-9-]*")


def parse_version(body: JSONDict) -> Version:
    """``{"prompt": {"prompt", "type"}}``. Raises InvalidRequest."""
    prompt = body.get("prompt")
    if not isinstance(prompt, dict):
        raise InvalidRequest("Prompt is required", key="error")
    text, kind = prompt.get("prompt"), prompt.get("type", Prompt.Kind.TEXT)
    if not isinstance(text, str) or not text.strip():
        text = "Prompt text is required and must be a non-empty string"
        raise InvalidRequest(text, key="error")
    if not isinstance(kind, str) or kind not in Prompt.Kind.values:
        raise InvalidRequest('Prompt type must be "text" or "chat"', key="error")
    return Version(text, kind)


def parse_group(body: JSONDict) -> dict[str, str]:
    """``{"group": {"name", …}}`` of a new group; members nobody knows are left out.

    Raises InvalidRequest.
    """
    group, prompt = body.get("group"), body.get("prompt")
    if not isinstance(group, dict) or not group.get("name") or not isinstance(prompt, dict):
        raise InvalidRequest("Prompt and group name are required", key="error")
    return _columns({name: group[name] for name in MAX_LENGTHS if group.get(name) is not None})


def parse_changes(body: JSONValue) -> dict[str, str]:
    """What of a group is to change. Raises InvalidRequest, also for members nobody knows."""
    if not isinstance(body, dict):
        raise _invalid(["Expected object"])
    if unknown := sorted(body.keys() - MAX_LENGTHS.keys()):
        raise _invalid([f"Unrecognized key: {name[:100]}" for name in unknown[:10]])
    return _columns({**body, "command": body["command"] or ""} if "command" in body else body)


def parse_labels(body: JSONDict) -> list[str]:
    """Raises InvalidRequest."""
    labels = body.get("labels")
    if isinstance(labels, list) and len(labels) <= LABELS_MAX and all(map(_is_label, labels)):
        return list(dict.fromkeys(labels))
    text = f"labels must be at most {LABELS_MAX} texts of at most {LABEL_MAX_LENGTH} characters"
    raise InvalidRequest(text, key="error")


def _is_label(value: JSONValue) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LABEL_MAX_LENGTH


def _columns(values: JSONDict) -> dict[str, str]:
    problems = [
        f"{name}: {problem}" for name in values if (problem := _problem(name, values[name]))
    ]
    if problems:
        raise _invalid(problems)
    return values


def _problem(name: str, value: JSONValue) -> str:
    if not isinstance(value, str):
        return "expected a string"
    if len(value) > MAX_LENGTHS[name]:
        return f"at most {MAX_LENGTHS[name]} characters"
    if name == "name" and not value.strip():
        return "at least 1 character"
    if name == "command" and not _COMMAND.fullmatch(value):
        return "only lowercase letters, digits and hyphens"
    return ""


def _invalid(problems: list[str]) -> InvalidRequest:
    return InvalidRequest("Invalid request body", key="error", details=problems)
