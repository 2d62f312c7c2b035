"""Messages, each in its chat, below its parent."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from django.db.models import Exists, OuterRef

from conversations.message_text import message_text
from conversations.models import Message, SearchEntry
from conversations.search import message_entries
from conversations.tree import ROOT, parents_first
from librechat_backend.lib.ids import NO_PARENT
from librechat_backend.lib.json import JSONDict
from moving import paths
from moving.collections.adopting import Adopted, adopt, store_adopted
from moving.collections.base import Collection
from moving.collections.conversations import (
    CONVERSATION_ID_LENGTH,
    RENAMED,
    is_temporary,
)
from moving.job import NO_CHAT, Job
from moving.odd import MESSAGE_SHAPES, ODD, REWRITTEN, mended
from moving.parts import is_text_only, kept_parts
from moving.rows import Row, insert, upsert
from moving.sources import Document
from moving.table import Table
from moving.values import (
    chosen,
    created_at,
    document_id,
    fitting_id,
    items,
    members,
    moment,
    rows,
    text,
    updated_at,
    whole,
)

MESSAGE_ID_LENGTH = 64
# Members of old versions that are shown nowhere any more, kept so that nothing is lost.
EXTRAS = (
    "plugin", "plugins", "summary", "summaryTokenCount", "thread_id", "contextMeta",
    "manualSkills", "alwaysAppliedSkills", ODD,
)  # fmt: skip


def _fullness(row: Row) -> bool:
    """Of two versions with the same date, the one that says something."""
    return bool(row["content"] or row["text"])


TABLE = Table(Message, ("user_id", "message_id"), weight=_fullness, arranged=("parent_message_id",))


def write(documents: Sequence[Document], job: Job) -> None:
    prepare(documents, job)(job)


def prepare(documents: Sequence[Document], job: Job) -> Callable[[Job], None]:
    found = [(each.data, owner) for each in documents if (owner := job.owner_in_chat(each.data))]
    chats = job.chats.find((owner, _chat_id(data, owner)) for data, owner in found)
    adopted: list[Adopted] = []
    if job.options.adopts_orphans:
        adopted = adopt([(data, o) for data, o in found if (o, _chat_id(data, o)) not in chats])
        chats |= {each.key: each.pk for each in adopted}
    columns = []
    for data, owner in found:
        chat = chats.get((owner, _chat_id(data, owner)))
        if chat is None:
            job.tally.skip(NO_CHAT, document_id(data))
        else:
            columns.append(_columns(_in_shape(data, job), owner, chat, job))
    entries = {entry["message_id"]: entry for entry in message_entries(columns)}
    return partial(_store, columns, entries, adopted)


def _store(
    columns: Sequence[Row], entries: Mapping[str, Row], adopted: Sequence[Adopted], job: Job
) -> None:
    """``entries``: those of ``columns``, by their ids; a row that replaces one may get its id."""
    store_adopted(adopted, job)
    new, newer = TABLE.store_apart(columns, job.tally)
    found = [entries[row["id"]] for row in new if row["id"] in entries]
    insert(SearchEntry, job.listing.judge(found), is_indexed=True)
    upsert(SearchEntry, list(message_entries(newer)), key="message_id")


def _chat_id(document: JSONDict, owner: str) -> str:
    return fitting_id(owner, text(document, "conversationId"), CONVERSATION_ID_LENGTH)


def _in_shape(document: JSONDict, job: Job) -> JSONDict:
    """What had to be rewritten is kept with the message."""
    document, odd = mended(document, MESSAGE_SHAPES)
    for name in odd:
        job.tally.repair(REWRITTEN.format(name), document_id(document))
    return document | {ODD: odd} if odd else document


def _columns(document: JSONDict, owner: str, chat: str, job: Job) -> Row:
    name = text(document, "messageId") or document_id(document)
    message_id = fitting_id(owner, name, MESSAGE_ID_LENGTH)
    if message_id != name:
        job.tally.note(RENAMED, document_id(document))
    return {
        "id": document_id(document),
        "message_id": message_id,
        "conversation_id": chat,
        "user_id": owner,
        "parent_message_id": _parent(document, owner, name, job),
        "is_created_by_user": document.get("isCreatedByUser") is True,
        "sender": text(document, "sender"),
        "endpoint": job.options.endpoint(text(document, "endpoint")),
        "model": text(document, "model"),
        "icon_url": paths.moved_link(text(document, "iconURL"), job.people.find),
        "error": document.get("error") is True,
        "unfinished": document.get("unfinished") is True,
        "finish_reason": text(document, "finish_reason"),
        "token_count": whole(document.get("tokenCount")),
        **_body(document, owner, job),
        "is_parallel": document.get("addedConvo") is True,
        "is_temporary": is_temporary(document),
        "expired_at": moment(document.get("expiredAt")),
        **_dates(document),
    }


def _dates(document: JSONDict) -> dict[str, datetime]:
    return {"created_at": created_at(document), "updated_at": updated_at(document)}


def _parent(document: JSONDict, owner: str, name: str, job: Job) -> str:
    """Parents that are missing stay named: the client shows such messages as first ones."""
    parent = text(document, "parentMessageId")
    if parent == name:
        job.tally.repair("was its own parent", document_id(document))
        return NO_PARENT
    if not parent or parent == NO_PARENT:
        return NO_PARENT
    return fitting_id(owner, parent, MESSAGE_ID_LENGTH)


def _body(document: JSONDict, owner: str, job: Job) -> JSONDict:
    said, parts = _words(document)
    said, parts = _with_links(said, parts, job)
    extras = chosen(document, EXTRAS)
    return {
        "text": said,
        "content": [_with_address(part, owner) for part in parts] or None,
        "files": [_moved(file, owner) for file in rows(document.get("files"))],
        "attachments": [_moved(file, owner) for file in rows(document.get("attachments"))],
        "quotes": [quote for quote in items(document.get("quotes")) if isinstance(quote, str)],
        "feedback": members(document.get("feedback")) or None,
        "metadata": members(document.get("metadata")) | ({"legacy": extras} if extras else {}),
    }


def _with_links(said: str, parts: list[JSONDict], job: Job) -> tuple[str, list[JSONDict]]:
    """Pictures of old tools are links of Markdown."""
    find = job.people.find
    moved = [
        {**part, "text": paths.moved_in_text(part["text"], find)} if _is_said(part) else part
        for part in parts
    ]
    return paths.moved_in_text(said, find), moved


def _is_said(part: JSONDict) -> bool:
    """Whether there is a link in it."""
    words = part.get("text")
    return isinstance(words, str) and "](" in words


def _with_address(part: JSONDict, owner: str) -> JSONDict:
    file = part.get("image_file")
    return part if file is None else {**part, "image_file": _moved(members(file), owner)}


def _moved(value: Any, owner: str) -> Any:
    """Signed addresses of S3 are over, also of the sources inside; those of this server are not."""
    if isinstance(value, list):
        return [_moved(each, owner) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        name: paths.moved(each, owner)
        if name == "filepath" and isinstance(each, str)
        else _moved(each, owner)
        for name, each in value.items()
    }


def _words(document: JSONDict) -> tuple[str, list[JSONDict]]:
    """Text and parts, as this server keeps them: people have a text, answers have parts."""
    said, parts = text(document, "text"), kept_parts(items(document.get("content")))
    if not parts:
        return said, []
    in_parts = message_text("", parts)
    if document.get("isCreatedByUser") is True:
        return said or in_parts, [] if is_text_only(parts) else parts
    return "" if in_parts else said, parts


def break_circles(job: Job) -> None:
    """Of messages that are each other's parents, the oldest becomes a first one.

    Somewhere in a circle a message is no younger than its parent; only such chats are looked at.
    """
    parent = Message.objects.filter(
        user=OuterRef("user"),
        message_id=OuterRef("parent_message_id"),
        created_at__gte=OuterRef("created_at"),
    )
    suspects = Message.objects.exclude(parent_message_id=NO_PARENT).filter(Exists(parent))
    chats = suspects.order_by().values_list("conversation_id", flat=True).distinct()
    for chat in list(chats):  # a cursor would be planned for the first few, and in one process
        _break_circles_of(chat, job)


def _break_circles_of(chat: str, job: Job) -> None:
    messages = Message.objects.filter(conversation=chat).order_by("created_at", "id")
    parents = dict(messages.values_list("message_id", "parent_message_id"))
    for name, above in parents_first(parents).items():
        if above == ROOT and parents[name] in parents:
            messages.filter(message_id=name).update(parent_message_id=NO_PARENT)
            job.tally.repair("was in a circle of parents", name)


MESSAGES = Collection("messages", write, TABLE, break_circles, prepare=prepare)
