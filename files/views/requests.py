"""What the views of files read from their requests."""

from django.http import HttpRequest

from files.exceptions import UploadRefused
from librechat_backend.lib.errors import InvalidRequest, NotFound
from librechat_backend.lib.json import JSONDict, JSONValue

MAX_HELD = 10
MAX_DELETED = 1000


def allow(request: HttpRequest, *methods: str) -> None:
    if request.method not in methods:
        raise NotFound("Endpoint not found")


def files_to_delete(body: JSONValue) -> list[str]:
    """The ids of the entries that can be meant (contract 04 §1.9)."""
    entries = body.get("files") if isinstance(body, dict) else None
    if not isinstance(entries, list):
        raise UploadRefused("files: expected a list")
    named = [entry for entry in entries[:MAX_DELETED] if _is_file(entry)]
    return [entry["file_id"] for entry in named]


def _is_file(entry: JSONValue) -> bool:
    if not isinstance(entry, dict) or not entry.get("filepath"):
        return False
    file_id = entry.get("file_id")
    return isinstance(file_id, str) and 0 < len(file_id) <= 64


def files_to_hold(body: JSONDict) -> list[str]:
    """Raises InvalidRequest with the codes of contract 04 §1.10."""
    file_ids = body.get("file_ids")
    if not isinstance(file_ids, list) or not all(isinstance(each, str) for each in file_ids):
        raise InvalidRequest(code="INVALID_FILE_IDS", max=MAX_HELD)
    if len(file_ids) > MAX_HELD:
        raise InvalidRequest(code="TOO_MANY_FILES", max=MAX_HELD)
    return file_ids
