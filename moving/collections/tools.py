"""What people keep about tools: those they marked, and what they entered for some."""

from collections.abc import Sequence

from accounts.models import FavoriteTool, ToolCredential
from librechat_backend.lib import crypto
from librechat_backend.lib.crypto import UndecryptableSecret
from librechat_backend.lib.json import JSONDict
from moving.collections.base import Collection
from moving.job import Job
from moving.keyed import KeyedTable
from moving.rows import Row
from moving.sources import Document
from moving.values import created_at, document_id, text, updated_at

SEALED = "its secret cannot be read"
FAVORITES_TABLE = KeyedTable(
    FavoriteTool, ("user_id", "item_type", "item_id"), by="user_id", changed="created_at"
)
CREDENTIALS_TABLE = KeyedTable(
    ToolCredential, ("user_id", "plugin_key", "field"), by="user_id", changed="updated_at"
)


def write_favorites(documents: Sequence[Document], job: Job) -> None:
    rows = [row for document in documents if (row := _favorite(document.data, job)) is not None]
    FAVORITES_TABLE.store(rows, job.tally)


def _favorite(document: JSONDict, job: Job) -> Row | None:
    kind, name = text(document, "itemType"), text(document, "itemId")
    if kind not in FavoriteTool.ItemType.values or not name:
        job.tally.skip("it names no tool", document_id(document))
        return None
    owner = job.owner(document, "user")
    if owner is None:
        return None
    return {
        "user_id": owner,
        "item_type": kind,
        "item_id": name,
        "created_at": created_at(document),
    }


def write_credentials(documents: Sequence[Document], job: Job) -> None:
    rows = [row for document in documents if (row := _credential(document.data, job)) is not None]
    CREDENTIALS_TABLE.store(rows, job.tally)


def _credential(document: JSONDict, job: Job) -> Row | None:
    owner = job.owner(document, "userId")
    if owner is None:
        return None
    try:
        secret = job.secrets.decrypt(text(document, "value"))
    except UndecryptableSecret:
        job.tally.skip(SEALED, document_id(document), is_lost=True)
        return None
    return {
        "user_id": owner,
        "plugin_key": text(document, "pluginKey"),
        "field": text(document, "authField"),
        "value": crypto.encrypt(secret),
        "updated_at": updated_at(document),
    }


FAVORITES = Collection("toolfavorites", write_favorites)
CREDENTIALS = Collection("pluginauths", write_credentials)
