"""Links under which others read a chat. They open under the same address as before."""

from collections.abc import Iterable, Sequence

from accounts.access_roles import ResourceType
from conversations.models import Message, SharedLink
from conversations.models.share import UNTITLED
from conversations.sharing import snapshots_of
from files.models import File
from librechat_backend.lib.json import JSONDict
from moving.collections.access import let_in
from moving.collections.base import Collection
from moving.collections.conversations import CONVERSATION_ID_LENGTH
from moving.collections.messages import MESSAGE_ID_LENGTH
from moving.job import NO_CHAT, Job
from moving.rows import Row
from moving.sources import Document
from moving.table import Table
from moving.values import (
    created_at,
    document_id,
    fitting_id,
    items,
    moment,
    reference,
    rows,
    text,
    updated_at,
)

SHARE_ID_LENGTH = 64
FILE_GONE = "a file it showed is not here"
MESSAGE_GONE = "a message it showed is not here"
TABLE = Table(SharedLink, ("share_id",))
Owned = list[tuple[JSONDict, str]]


def write(documents: Sequence[Document], job: Job) -> None:
    found = [(each.data, owner) for each in documents if (owner := job.owner_in_chat(each.data))]
    chats = job.chats.find((owner, _chat_id(data, owner)) for data, owner in found)
    placed: Owned = []
    for data, owner in found:
        if (owner, _chat_id(data, owner)) in chats:
            placed.append((data, owner))
        else:
            job.tally.skip(NO_CHAT, document_id(data))
    stored = [
        _columns(data, owner, chats[owner, _chat_id(data, owner)], job) for data, owner in placed
    ]
    _keep_messages_that_are_here(stored, job)
    _keep_files_that_are_here(stored, job)
    written = TABLE.store(stored, job.tally)
    job.here.add(SharedLink, (row["id"] for row in written))
    _let_in(written, found, job)


def _chat_id(document: JSONDict, owner: str) -> str:
    return fitting_id(owner, text(document, "conversationId"), CONVERSATION_ID_LENGTH)


def _columns(document: JSONDict, owner: str, chat: str, job: Job) -> Row:
    name = text(document, "shareId") or document_id(document)
    share_id = fitting_id(owner, name, SHARE_ID_LENGTH)
    if share_id != name:
        job.tally.note("has got another address, for its own does not fit", document_id(document))
    target = text(document, "targetMessageId")
    return {
        "id": document_id(document),
        "share_id": share_id,
        "user_id": owner,
        "conversation_id": chat,
        "title": text(document, "title") or UNTITLED,
        "message_ids": [reference(each) for each in items(document.get("messages"))],
        "target_message_id": fitting_id(owner, target, MESSAGE_ID_LENGTH) if target else "",
        "snapshot_files": document.get("snapshotFiles") is not False,
        "file_snapshots": [text(each, "file_id") for each in rows(document.get("fileSnapshots"))],
        "expired_at": moment(document.get("expiredAt")),
        "created_at": created_at(document),
        "updated_at": updated_at(document),
    }


def _keep_messages_that_are_here(links: Sequence[Row], job: Job) -> None:
    """Of those of one's own chat. A rehearsal has none to look at."""
    if job.options.is_dry_run:
        return
    wanted = {pk for row in links for pk in row["message_ids"]}
    chats = dict(Message.objects.filter(pk__in=wanted).values_list("pk", "conversation_id"))
    for row in links:
        kept = [pk for pk in row["message_ids"] if chats.get(pk) == row["conversation_id"]]
        if len(kept) < len(row["message_ids"]):
            job.tally.note(MESSAGE_GONE, row["id"])
        row["message_ids"] = kept


def _keep_files_that_are_here(links: Sequence[Row], job: Job) -> None:
    """As this server notes them: by their size, so that another file is never opened."""
    named = {file_id for row in links for file_id in row["file_snapshots"]}
    files = File.objects.filter(file_id__in=named)
    sizes = {
        (owner, file_id): size
        for owner, file_id, size in files.values_list("user_id", "file_id", "byte_count")
    }
    for row in links:
        wanted = row["file_snapshots"]
        row["file_snapshots"] = [
            {"file_id": file_id, "bytes": sizes[row["user_id"], file_id]}
            for file_id in wanted
            if (row["user_id"], file_id) in sizes
        ]
        if len(row["file_snapshots"]) < len(wanted):
            job.tally.note(FILE_GONE, row["id"])


def _let_in(written: Sequence[Row], found: Owned, job: Job) -> None:
    """Links that no entry is about are from before there were any: open, and with their files."""
    documents = {document_id(data): data for data, _ in found}
    old = [row for row in written if row["id"] not in job.ahead.shared]
    is_open = {name: data.get("isPublic") is not False for name, data in documents.items()}
    let_in(ResourceType.SHARED_LINK, ((row, is_open.get(row["id"], False)) for row in old))
    if not job.options.is_dry_run:
        _open_files(documents[row["id"]] for row in old if row["id"] in documents)


def _open_files(documents: Iterable[JSONDict]) -> None:
    """Where nothing was said of files, those that the messages name."""
    silent = [document_id(each) for each in documents if "snapshotFiles" not in each]
    for link in SharedLink.objects.filter(pk__in=silent).select_related("user", "conversation"):
        SharedLink.objects.filter(pk=link.pk).update(file_snapshots=snapshots_of(link))


LINKS = Collection("sharedlinks", write, TABLE)
