"""Folders for chats. What is in them is counted when it is read, so counters stay behind."""

from collections.abc import Sequence

from conversations.models import Project
from librechat_backend.lib.json import JSONDict
from moving.collections.base import Collection
from moving.job import Job
from moving.rows import Row
from moving.sources import Document
from moving.table import Table
from moving.values import created_at, document_id, text, updated_at

TABLE = Table(Project, ("id",))


def write(documents: Sequence[Document], job: Job) -> None:
    owned = [(each.data, owner) for each in documents if (owner := job.owner(each.data, "user"))]
    TABLE.store([_columns(data, owner) for data, owner in owned], job.tally)


def _columns(document: JSONDict, owner: str) -> Row:
    return {
        "id": document_id(document),
        "user_id": owner,
        "name": text(document, "name"),
        "description": text(document, "description"),
        "created_at": created_at(document),
        "updated_at": updated_at(document),
    }


PROJECTS = Collection("chatprojects", write, TABLE)
