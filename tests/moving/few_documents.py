"""An old database of a few documents, each written as a test needs it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from tests.moving.commands import Done, move_in
from tests.moving.dumps import write_dump
from tests.moving.librechat_database import OldDatabase
from tests.moving.librechat_values import BEGIN, Documents, oid, uuid

DATES = {"createdAt": BEGIN, "updatedAt": BEGIN}
ANN, BEN = oid("ann", 0), oid("ben", 0)


@dataclass(frozen=True, slots=True)
class FewDocuments(OldDatabase):
    """Just those that were found."""

    found: Mapping[str, Sequence[dict[str, Any]]] = field(default_factory=dict)

    def collections(self) -> dict[str, Callable[[], Documents]]:
        found = {"conversations": [], **self.found}
        return {name: partial(iter, documents) for name, documents in found.items()}


def user(pk: Any = ANN, email: str = "ann@example.com", **members: Any) -> dict[str, Any]:
    return {"_id": pk, "email": email, **DATES, **members}


def chat(number: int = 0, **members: Any) -> dict[str, Any]:
    name = uuid("told", number)
    return {
        "_id": oid("told", number),
        "conversationId": name,
        "user": str(ANN),
        **DATES,
        **members,
    }


def message(number: int = 0, **members: Any) -> dict[str, Any]:
    return {
        "_id": oid("word", number), "messageId": uuid("word", number), "user": str(ANN),
        "conversationId": uuid("told", 0), "text": "word", **DATES, **members,
    }  # fmt: skip


def take(directory: Path, *options: str, **found: Sequence[dict[str, Any]]) -> Done:
    return move_in(write_dump(directory, FewDocuments(found=found)), *options)
