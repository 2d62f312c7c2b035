"""Files: what is known of them. Their bytes come afterwards (moving.arriving)."""

from collections.abc import Sequence
from datetime import timedelta
from hashlib import sha256
from unicodedata import normalize

from django.utils import timezone

from files.media_types import normalized
from files.models import Blob, File
from files.names import display_name, quoted, stored_name
from files.storage import new_files_go_to
from librechat_backend.lib.json import JSONDict
from moving import paths
from moving.collections.base import Collection
from moving.job import EXPIRED, Job
from moving.models import AwaitedBytes
from moving.rows import Row, existing, upsert
from moving.sources import Document
from moving.table import Table
from moving.values import (
    chosen,
    created_at,
    document_id,
    fitting_id,
    is_past,
    members,
    text,
    updated_at,
    whole,
)

FILE_ID_LENGTH = 64
CHAT_ID_LENGTH, MESSAGE_ID_LENGTH = 36, 64
UNCONFIRMED_GRACE = timedelta(hours=1)
RENAMED = "its name was shortened, or lost characters that files cannot have"
NOTHING_KEPT = "the source keeps no bytes of it"
CONTEXTS = frozenset(File.Context.values)
READ_BY_SOURCE = frozenset({
    "text", "mistral_ocr", "azure_mistral_ocr", "vertexai_mistral_ocr", "document_parser",
})  # fmt: skip
UNKNOWN_SIZE = 0  # of a picture: it is one all the same
TABLE = Table(
    File,
    ("file_id",),
    weight=lambda row: row["byte_count"],
    kept=("blob_id", "name"),
)


def write(documents: Sequence[Document], job: Job) -> None:
    found = [(each.data, owner) for each in documents if (owner := _owner(each.data, job))]
    locations = {document_id(data): _location(data) for data, _ in found}
    for data, _ in found:
        _tell(data, job)
    store_files([_columns(data, owner) for data, owner in found], locations, job)


def _tell(document: JSONDict, job: Job) -> None:
    filename = normalize("NFC", text(document, "filename"))
    if filename and filename != display_name(quoted(filename)):
        job.tally.repair(RENAMED, document_id(document))


def store_files(rows: Sequence[Row], locations: dict[str, str], job: Job) -> None:
    """Rows of files with those of their bytes; ``locations``: id → where the source has them."""
    _give_names(rows)
    here = {pk for (pk,) in existing(File, ("id",), [(row["id"],) for row in rows], ("id",))}
    upsert(Blob, [_blob(row) for row in rows if row["id"] not in here], kept=BLOB_COLUMNS)
    written = [row["id"] for row in TABLE.store(rows, job.tally)]
    fresh = [pk for pk in written if pk in locations and pk not in here]
    for pk in fresh:
        if not locations[pk]:
            job.tally.note(NOTHING_KEPT, pk)
    awaited = [{"file_id": pk, "location": locations[pk]} for pk in fresh if locations[pk]]
    upsert(AwaitedBytes, awaited)


BLOB_COLUMNS = ("key", "storage", "byte_count", "checksum", "created_at")


def _blob(row: Row) -> Row:
    """Without a checksum: its bytes are still to come."""
    pk = row["blob_id"]
    return {
        "id": pk,
        "key": f"files/{sha256(pk.encode()).hexdigest()[:2]}/{pk}",
        "storage": new_files_go_to(),
        "byte_count": 0,
        "checksum": "",
        "created_at": timezone.now(),
    }


def _owner(document: JSONDict, job: Job) -> str | None:
    is_over = is_past(document, "expiredAt", job.now)
    if is_over or is_past(document, "expiresAt", job.now, UNCONFIRMED_GRACE):
        job.tally.skip(EXPIRED, document_id(document))
        return None
    return job.owner(document, "user")


def _location(document: JSONDict) -> str:
    return paths.kept_key(text(document, "storageKey")) or paths.location(
        text(document, "filepath")
    )


def _columns(document: JSONDict, owner: str) -> Row:
    pk, address = document_id(document), text(document, "filepath")
    file_id = fitting_id(owner, text(document, "file_id") or pk, FILE_ID_LENGTH)
    filename = display_name(quoted(text(document, "filename")))
    said, context = text(document, "text"), text(document, "context")
    return {
        "id": pk,
        "file_id": file_id,
        "temp_file_id": text(document, "temp_file_id"),
        "user_id": owner,
        "blob_id": pk,
        "name": paths.name(address) or stored_name(file_id, filename),
        "filename": filename,
        "media_type": normalized(text(document, "type"), filename),
        "byte_count": whole(document.get("bytes")) or 0,
        "context": context if context in CONTEXTS else File.Context.UNKNOWN,
        "is_text": bool(said) and text(document, "source") in READ_BY_SOURCE,
        "text": said,
        "text_state": File.TextState.READ if said else File.TextState.UNREAD,
        "text_problem": "",
        "page_count": None,
        "width": _length(document, "width"),
        "height": _length(document, "height"),
        "usage": whole(document.get("usage")) or 0,
        "is_embedded": False,
        "conversation_id": _named(owner, text(document, "conversationId"), CHAT_ID_LENGTH),
        "message_id": _named(owner, text(document, "messageId"), MESSAGE_ID_LENGTH),
        "metadata": _metadata(document),
        "expires_at": None,
        "created_at": created_at(document),
        "updated_at": updated_at(document),
    }


def _length(document: JSONDict, name: str) -> int | None:
    """Of one side; a picture has both, known or not."""
    is_picture = paths.folder(text(document, "filepath")) == "images"
    length = whole(document.get(name))
    return UNKNOWN_SIZE if length is None and is_picture else length


def _named(owner: str, name: str, limit: int) -> str:
    """The id here of a chat or a message, where one is named."""
    return fitting_id(owner, name, limit) if name else ""


def _metadata(document: JSONDict) -> JSONDict:
    """What this server has no column for."""
    rest = chosen(document, ("source", "context", "model", "textFormat"))
    if rest.get("context") in CONTEXTS:
        del rest["context"]
    return members(document.get("metadata")) | {"librechat": rest}


def _give_names(rows: Sequence[Row]) -> None:
    """A name is an address, so a person has it once; the second file gets its id before it."""
    names = ("user_id", "name")
    wanted = [tuple(row[name] for name in names) for row in rows]
    found = existing(File, names, wanted, (*names, "file_id"))
    taken = {(owner, name): file_id for owner, name, file_id in found}
    for row in rows:
        key = (row["user_id"], row["name"])
        if taken.setdefault(key, row["file_id"]) != row["file_id"]:
            row["name"] = stored_name(row["file_id"], row["name"])


def avatar_row(document: JSONDict, owner: str) -> Row | None:
    """The file of a person's picture, if the source keeps it; such have no document."""
    address = text(document, "avatar")
    name = paths.name(address)
    if not name:
        return None
    pk = sha256(f"{owner}\x00{name}".encode()).hexdigest()[:24]
    made = {"_id": pk, "filename": name, "filepath": address, "context": "avatar"}
    row = _columns({**made, "createdAt": document.get("createdAt")}, owner)
    row["width"] = row["height"] = UNKNOWN_SIZE
    return row


FILES = Collection("files", write, TABLE)
