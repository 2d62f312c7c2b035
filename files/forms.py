"""The fields of an upload (contract 04 §1.4). Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from files.exceptions import UploadRefused
from librechat_backend.lib.errors import NotFound
from librechat_backend.lib.ids import is_uuid

AS_TEXT = "context"
MAX_NAME_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class UploadForm:
    """``is_text``: the text is what is wanted, not the file."""

    endpoint: str
    endpoint_type: str
    temp_file_id: str
    is_text: bool = False
    is_temporary: bool = False
    conversation_id: str = ""


def parse_upload(fields: Mapping[str, str], *, needs_size: bool) -> UploadForm:
    """Raises UploadRefused; NotFound for an agent, of which there are none.

    ``needs_size``: the client read width and height of a picture.
    """
    if not is_uuid(fields.get("file_id", "").lower()):
        raise UploadRefused("file_id: expected a UUID")
    if not fields.get("endpoint"):
        raise UploadRefused("endpoint: expected the name of an endpoint")
    if needs_size and not (_is_size(fields.get("width")) and _is_size(fields.get("height"))):
        raise UploadRefused("width and height: expected numbers")
    _check_purpose(fields)
    conversation_id = fields.get("conversationId", "").lower()
    return UploadForm(
        endpoint=_name(fields, "endpoint"),
        endpoint_type=_name(fields, "endpointType"),
        temp_file_id=fields["file_id"].lower(),
        is_text=fields.get("tool_resource") == AS_TEXT,
        is_temporary=fields.get("isTemporary") == "true",
        conversation_id=conversation_id if is_uuid(conversation_id) else "",
    )


def _check_purpose(fields: Mapping[str, str]) -> None:
    """Contract 04 §1.7; what is not built is refused."""
    if fields.get("message_file") != "true":
        if fields.get("agent_id"):
            raise NotFound("Not Found", key="error", message="Agent not found")
        raise UploadRefused("message_file: expected true")
    if fields.get("tool_resource", "") not in ("", "undefined", AS_TEXT):
        raise UploadRefused("Uploading for this purpose is not available here.")


def _is_size(value: str | None) -> bool:
    """A number of pixels; browsers may send fractions."""
    try:
        return 0 < float(value or "") < 10**6
    except ValueError:
        return False


def _name(fields: Mapping[str, str], name: str) -> str:
    value = fields.get(name, "")
    if len(value) > MAX_NAME_CHARACTERS:
        raise UploadRefused(f"{name}: expected at most {MAX_NAME_CHARACTERS} characters")
    return value
