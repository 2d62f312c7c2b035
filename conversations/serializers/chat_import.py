"""Imports as programs read them (docs/moving-chats.md). Pure."""

from typing import Any

from librechat_backend.lib.json import JSONDict
from librechat_backend.lib.times import to_iso

SUCCESS = "Conversation(s) imported successfully"  # contract 03 §4.2
GOES_ON = "The import goes on in the background."


def import_wire(row: Any) -> JSONDict:
    """``row`` is a ChatImport."""
    return {
        "importId": row.pk,
        "status": row.status,
        "message": _message(row),
        "filename": row.file_name,
        "bytes": row.byte_count,
        "bytesRead": row.bytes_read,
        "found": row.found,
        "added": row.added,
        "extended": row.extended,
        "known": row.known,
        "skipped": row.skipped,
        "report": row.report,
        "createdAt": to_iso(row.created_at),
        "finishedAt": to_iso(row.finished_at),
    }


def _message(row: Any) -> str:
    """What was wrong, and what was imported all the same."""
    if row.status in ("waiting", "running"):
        return GOES_ON
    if not row.problem:
        return SUCCESS
    imported = row.added + row.extended
    return f"{row.problem} Imported before that: {imported}." if imported else row.problem
