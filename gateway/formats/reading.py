"""Reading members of a request's body, each with the error that names it. Pure."""

import re
from dataclasses import dataclass, field

from gateway.errors import ApiError, invalid
from librechat_backend.lib.json import JSONDict, JSONValue
from providers.types import ChatRequest, DocumentPart, ImagePart

MAX_NAME_CHARACTERS = 300
_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+);base64,(.+)", re.DOTALL)
_MAX_NUMBER = 2**53
_FILES = ("file", "source")  # members of a part that hold one


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for an answer, whatever its dialect.

    ``request`` lacks the model and the parameters; ``parameters`` are those the caller sets, by
    canonical name (presets/fields.py), ``spelled`` how the caller's dialect spells these names.
    """

    model: str
    request: ChatRequest
    parameters: JSONDict = field(default_factory=dict)
    spelled: dict[str, str] = field(default_factory=dict)


def object_of(body: JSONValue) -> JSONDict:
    if not isinstance(body, dict):
        raise ApiError("The request body must be a JSON object.")
    return body


def model_name(body: JSONDict) -> str:
    value = body.get("model")
    if not isinstance(value, str) or not value:
        raise ApiError("You must provide a model parameter.", param="model", code="missing_model")
    if len(value) > MAX_NAME_CHARACTERS:
        raise invalid("model", f"at most {MAX_NAME_CHARACTERS} characters")
    return value


def optional_text(body: JSONDict, name: str) -> str:
    value = body.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise invalid(name, "a string")
    return value


def boolean(body: JSONDict, name: str) -> bool:
    value = body.get(name)
    if value is None:
        return False
    if not isinstance(value, bool):
        raise invalid(name, "a boolean")
    return value


def number(body: JSONDict, name: str, low: float, high: float) -> float | None:
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise invalid(name, f"a number from {low:g} to {high:g}")
    return value


def whole_number(body: JSONDict, name: str, low: int = 1, high: int = _MAX_NUMBER) -> int | None:
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # 5.0 is a whole number in JSON
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        limits = f"from {low} to {high}" if high != _MAX_NUMBER else f"of at least {low}"
        raise invalid(name, f"a whole number {limits}")
    return value


def texts(body: JSONDict, name: str) -> list[str]:
    value = body.get(name)
    if value is None:
        return []
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(item, str) for item in values):
        raise invalid(name, "a string or an array of strings")
    return values


def objects(value: JSONValue, param: str) -> list[JSONDict]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise invalid(param, "an array of objects")
    return value


def parts(value: JSONValue, param: str) -> None:
    """What is true of the content of every message that is not plain text. Raises ApiError."""
    for part in objects(value, param):
        if not isinstance(part.get("type"), str):
            raise invalid(f"{param}.type", "a string")
        optional_text(part, "text")
        check_files(part, param)


def check_files(part: JSONDict, param: str) -> None:
    """Raises ApiError for a file that a provider has stored: it could be anybody's who uses the
    same account. In a result of a tool there are parts again."""
    for place, holder in ((param, part), *((f"{param}.{n}", part.get(n)) for n in _FILES)):
        if isinstance(holder, dict) and holder.get("file_id") is not None:
            raise ApiError(
                "Files stored at a provider cannot be used here: send the file itself.",
                param=f"{place}.file_id",
                code="file_not_supported",
            )
    for name in ("content", "output"):
        for inner in part[name] if isinstance(part.get(name), list) else ():
            if isinstance(inner, dict):
                check_files(inner, f"{param}.{name}")


def image(url: JSONValue, param: str, detail: JSONValue = "auto") -> ImagePart:
    """A data URL or an address."""
    if not isinstance(url, str):
        raise invalid(param, "an address or data URL")
    wanted = detail if isinstance(detail, str) else "auto"
    if match := _DATA_URL.fullmatch(url):
        return ImagePart(match[1], match[2], wanted)
    if not url.startswith(("https://", "http://")):
        raise invalid(param, "an address or data URL")
    return ImagePart("", "", wanted, url)


def document(value: JSONValue, param: str) -> DocumentPart:
    """A file as both dialects of OpenAI write it."""
    fields: JSONDict = value if isinstance(value, dict) else {}
    data, told = fields.get("file_data"), fields.get("filename")
    name = told if isinstance(told, str) else "document"
    if fields.get("file_url") is not None:
        return document_at(fields["file_url"], f"{param}.file_url", name)
    match = _DATA_URL.fullmatch(data) if isinstance(data, str) else None
    if match is None:
        raise invalid(f"{param}.file_data", "a data URL")
    return DocumentPart(match[1], name, match[2])


def document_at(url: JSONValue, param: str, name: str) -> DocumentPart:
    if not isinstance(url, str) or not url.startswith(("https://", "http://")):
        raise invalid(param, "an address")
    return DocumentPart("", name, "", url=url)
