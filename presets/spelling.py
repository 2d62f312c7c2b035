"""How programs and files may spell the names of fields and parameters. Pure.

Inside, names are in snake case and parameters canonical (presets/fields.py). From outside they may
come in camel case, too, and parameters as any client or provider calls them (``maxTokens``).
"""

import re
from collections.abc import Mapping

from librechat_backend.lib.json import JSONDict, JSONValue
from presets.fields import PARAMETERS

_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def to_camel(name: str) -> str:
    """``is_default`` → ``isDefault``; a path keeps its dots."""
    first, *others = name.split("_") if not name.startswith("_") else [name]
    return first + "".join(word[:1].upper() + word[1:] for word in others)


def to_snake(name: str) -> str:
    """``isDefault`` → ``is_default``, ``iconURL`` → ``icon_url``."""
    return _WORD_START.sub("_", name).lower()


# Fields with a name of the client's own besides.
_FIELD_NAMES = {"prompt_prefix": "system_message", "default": "is_default", "final": "is_final"}
_PARAMETER_NAMES = {
    spelling: name
    for name, parameter in PARAMETERS.items()
    for spelling in (name, to_camel(name), *parameter.wire.values())
} | {"maxTokens": "max_output_tokens"}


def field_name(spelling: str) -> str:
    snake = to_snake(spelling)
    return _FIELD_NAMES.get(snake, snake)


def parameter_name(spelling: str) -> str:
    """The canonical name; of what is no parameter, its snake case."""
    return _PARAMETER_NAMES.get(spelling, to_snake(spelling))


def lockable_name(spelling: str) -> str:
    """A field or a parameter, whichever is meant."""
    return _PARAMETER_NAMES.get(spelling, field_name(spelling))


def with_inner_names(fields: Mapping[str, JSONValue]) -> JSONDict:
    """``fields`` of a preset, with canonical names inside of parameters, bounds, locks and tools.

    Values of another form than these have are left as they are, for validation to refuse.
    """
    cleaned = dict(fields)
    for name in ("parameters", "bounds"):
        if isinstance(cleaned.get(name), dict):
            cleaned[name] = {parameter_name(key): v for key, v in cleaned[name].items()}
    if isinstance(cleaned.get("tools"), dict):
        cleaned["tools"] = {to_snake(key): value for key, value in cleaned["tools"].items()}
    if isinstance(cleaned.get("locked"), list):
        names = cleaned["locked"]
        cleaned["locked"] = [lockable_name(n) if isinstance(n, str) else n for n in names]
    return cleaned


def spellings_of(body: Mapping[str, JSONValue]) -> dict[str, str]:
    """The canonical path of each name in ``body`` → the path as it is spelled there."""
    paths: dict[str, str] = {}
    for key, value in body.items():
        name = field_name(key)
        paths[name] = key
        if name in ("parameters", "bounds") and isinstance(value, dict):
            paths |= {f"{name}.{parameter_name(inner)}": f"{key}.{inner}" for inner in value}
    for name in ("max_output_tokens", "max_context_tokens"):  # columns, and parameters for people
        if name not in paths and f"parameters.{name}" in paths:
            paths[name] = paths[f"parameters.{name}"]
    return paths


def in_callers_spelling(
    errors: Mapping[str, list[str]], body: Mapping[str, JSONValue]
) -> dict[str, list[str]]:
    """``errors`` beside the names ``body`` uses; camel case for what it does not mention."""
    paths = spellings_of(body)
    return {
        name if name == "__all__" else paths.get(name, to_camel(name)): messages
        for name, messages in errors.items()
    }
