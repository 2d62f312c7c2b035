"""What models know of people."""

from collections.abc import Sequence

from conversations.models import Memory
from librechat_backend.lib.json import JSONDict
from moving.collections.base import Collection
from moving.job import Job
from moving.rows import Row
from moving.sources import Document
from moving.table import Table
from moving.values import document_id, text, updated_at, whole
from providers.tokens import estimate_tokens

CHANGED = "updated_at"
TABLE = Table(Memory, ("user_id", "agent_id", "key"))


def write(documents: Sequence[Document], job: Job) -> None:
    owned = [(each.data, owner) for each in documents if (owner := job.owner(each.data, "userId"))]
    TABLE.store([_columns(data, owner) for data, owner in owned], job.tally)


def _columns(document: JSONDict, owner: str) -> Row:
    value = text(document, "value")
    return {
        "id": document_id(document),
        "user_id": owner,
        "agent_id": text(document, "agentId"),
        "key": text(document, "key"),
        "value": value,
        "token_count": whole(document.get("tokenCount")) or estimate_tokens(value),
        "updated_at": updated_at(document, CHANGED),
    }


MEMORIES = Collection("memoryentries", write, TABLE, changed=CHANGED)
