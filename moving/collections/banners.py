"""Announcements above the chat."""

from collections.abc import Sequence

from librechat_backend.lib.json import JSONDict
from moving.collections.base import Collection
from moving.job import Job
from moving.rows import Row
from moving.sources import Document
from moving.table import Table
from moving.values import created_at, document_id, moment, text, updated_at
from presets.banners import id_of_text
from presets.models import Banner

TABLE = Table(Banner, ("id",))


def write(documents: Sequence[Document], job: Job) -> None:
    rows = []
    for document in documents:
        if text(document.data, "message"):
            rows.append(_columns(document.data))
        else:
            job.tally.skip("it has no text", document_id(document.data))
    TABLE.store(rows, job.tally)


def _columns(document: JSONDict) -> Row:
    message = text(document, "message")
    is_popup = document.get("type") == Banner.Kind.POPUP
    return {
        "id": document_id(document),
        "banner_id": text(document, "bannerId") or id_of_text(message),
        "message": message,
        "kind": (Banner.Kind.POPUP if is_popup else Banner.Kind.BANNER).value,
        "display_from": moment(document.get("displayFrom")) or created_at(document),
        "display_to": moment(document.get("displayTo")),
        "is_public": document.get("isPublic") is True,
        "is_persistent": document.get("persistable") is True,
        "created_at": created_at(document),
        "updated_at": updated_at(document),
    }


BANNERS = Collection("banners", write, TABLE)
