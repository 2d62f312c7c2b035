"""Chats: their headers, and the settings they were last used with."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from conversations.imports.librechat import SETTINGS
from conversations.models import NEW_CHAT_TITLE, Conversation, Project, SearchEntry
from conversations.models.tag import TAG_MAX_LENGTH
from conversations.search import index_titles, title_entries
from librechat_backend.lib.ids import is_object_id
from librechat_backend.lib.json import JSONDict
from moving import paths
from moving.agent_chats import with_agent
from moving.collections.base import Collection
from moving.collections.files import FILE_ID_LENGTH
from moving.collections.tags import make_missing_tags
from moving.fitting import fitting_texts
from moving.job import EXPIRED, Job
from moving.odd import REWRITTEN, SETTINGS_SHAPES, mended
from moving.rows import Row, insert
from moving.sources import Document
from moving.spec_names import spec_columns
from moving.table import Table
from moving.tally import Tally
from moving.values import (
    chosen,
    created_at,
    document_id,
    fitting_id,
    is_past,
    moment,
    reference,
    text,
    texts,
    updated_at,
)

CONVERSATION_ID_LENGTH = 36
RENAMED = "has got another id, for its own does not fit"
CHILD = "a chat an agent had with another one, which no list shows"
TABLE = Table(Conversation, ("user_id", "conversation_id"))


def write(documents: Sequence[Document], job: Job) -> None:
    prepare(documents, job)(job)


def prepare(documents: Sequence[Document], job: Job) -> Callable[[Job], None]:
    rows = [row for document in documents if (row := _row(document.data, job)) is not None]
    _place_in_projects(rows, job)
    return partial(_store, rows, _titles(rows))


def store_chats(owned: Sequence[tuple[JSONDict, str]], job: Job) -> None:
    """Chats the source has not got; counted with nobody's documents."""
    rows = [_columns(document, owner, job) for document, owner in owned]
    _place_in_projects(rows, job)
    _store(rows, _titles(rows), replace(job, tally=Tally()))


def _titles(rows: Sequence[Row]) -> dict[str, Row]:
    """The entries of chats, by their ids."""
    return {entry["conversation_id"]: entry for entry in title_entries(rows)}


def _store(rows: Sequence[Row], titles: Mapping[str, Row], job: Job) -> None:
    new, newer = TABLE.store_apart(rows, job.tally)
    chats = (((row["user_id"], row["conversation_id"]), row["id"]) for row in new + newer)
    job.chats.add(chats)
    found = [titles[row["id"]] for row in new if row["id"] in titles]
    insert(SearchEntry, job.listing.judge(found), is_indexed=True)
    index_titles(Conversation(**row) for row in newer)


def _row(document: JSONDict, job: Job) -> Row | None:
    if "subagentThread" in document:
        job.tally.skip(CHILD, document_id(document))
        return None
    if is_past(document, "expiredAt", job.now):
        job.tally.skip(EXPIRED, document_id(document))
        return None
    owner = job.owner(document, "user")
    if owner is None:
        return None
    return _columns(document, owner, job)


def in_shape(document: JSONDict, job: Job) -> JSONDict:
    """A chat or a preset, with its settings as they are written today."""
    document, odd = mended(document, SETTINGS_SHAPES)
    for name in odd:
        job.tally.repair(REWRITTEN.format(name), document_id(document))
    return document


def _columns(document: JSONDict, owner: str, job: Job) -> Row:
    document = in_shape(document, job)
    name = text(document, "conversationId") or document_id(document)
    conversation_id = fitting_id(owner, name, CONVERSATION_ID_LENGTH)
    if conversation_id != name:
        job.tally.note(RENAMED, document_id(document))
    row = {
        "id": document_id(document),
        "conversation_id": conversation_id,
        "user_id": owner,
        "title": _title(document),
        "endpoint": job.options.endpoint(text(document, "endpoint")),
        "endpoint_type": text(document, "endpointType"),
        "model": text(document, "model"),
        "icon_url": paths.moved_link(text(document, "iconURL"), job.people.find),
        **spec_columns(document, chosen(document, sorted(SETTINGS))),
        "tags": fitting_texts(document, "tags", TAG_MAX_LENGTH, job.tally),
        "files": [fitting_id(owner, name, FILE_ID_LENGTH) for name in texts(document.get("files"))],
        "project_id": reference(document.get("chatProjectId")) or None,
        "is_archived": document.get("isArchived") is True,
        "archived_at": moment(document.get("archivedAt")),
        "is_pinned": document.get("pinned") is True,
        "is_temporary": is_temporary(document),
        "expired_at": moment(document.get("expiredAt")),
        "created_at": created_at(document),
        "updated_at": updated_at(document),
    }
    return with_agent(document, row, job.agents)


def _title(document: JSONDict) -> str:
    title = document.get("title")
    return title if isinstance(title, str) else NEW_CHAT_TITLE


def is_temporary(document: JSONDict) -> bool:
    """Before there was a flag, only temporary chats had an end."""
    if "isTemporary" in document:
        return document["isTemporary"] is True
    return moment(document.get("expiredAt")) is not None


def _place_in_projects(rows: Sequence[Row], job: Job) -> None:
    """Projects that are gone, or somebody else's, hold nothing."""
    wanted = {row["project_id"] for row in rows if is_object_id(row["project_id"])}
    owners = dict(Project.objects.filter(pk__in=wanted).values_list("pk", "user_id"))
    for row in rows:
        if row["project_id"] and owners.get(row["project_id"]) != row["user_id"]:
            job.tally.note("its project is gone", row["id"])
            row["project_id"] = None


CONVERSATIONS = Collection("conversations", write, TABLE, make_missing_tags, prepare=prepare)
