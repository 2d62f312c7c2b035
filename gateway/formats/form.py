"""Fields of forms that are passed on. Pure."""

from collections.abc import Iterable
from dataclasses import replace

from gateway.errors import ApiError, invalid
from librechat_backend.lib.forms import BrokenForm, FormPart, read_parts


def parts_of(body: bytes, content_type: str) -> list[FormPart]:
    """Raises ApiError."""
    try:
        return read_parts(body, content_type)
    except BrokenForm as error:
        message = f"Send this as multipart/form-data. {error}"
        raise ApiError(message, code="invalid_form") from error


def field_of(parts: Iterable[FormPart], name: str) -> str:
    """The text of the one field of this name; empty where there is none. Raises ApiError."""
    named = [part for part in parts if part.name == name]
    if len(named) > 1 or any(part.filename is not None for part in named):
        raise invalid(name, "one field")
    return named[0].data.decode("utf-8", "replace").replace("\0", "") if named else ""


def check_file(parts: Iterable[FormPart], name: str) -> None:
    """Raises ApiError where there is not one file of this name."""
    named = [part for part in parts if part.name == name]
    if len(named) != 1 or named[0].filename is None:
        raise invalid(name, "a file")


def with_field(parts: Iterable[FormPart], name: str, value: str) -> list[FormPart]:
    """The parts, with another text in the field."""
    return [replace(part, data=value.encode()) if part.name == name else part for part in parts]
