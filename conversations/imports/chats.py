"""A chat of another system, in our terms. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from librechat_backend.lib.json import JSONDict, JSONValue

SENDER_MAX_LENGTH = 200


class NotAChat(Exception):
    """Why something cannot be imported, for the person who imports it."""


@dataclass(slots=True)
class SourceMessage:
    """``key`` names the message within its chat; ``parent_key`` is empty for a root."""

    key: str
    parent_key: str
    is_created_by_user: bool
    text: str = ""
    content: list[JSONDict] | None = None
    sender: str = ""
    endpoint: str = ""
    model: str = ""
    created_at: datetime | None = None
    # Columns of the message that only LibreChat's own files have.
    fields: JSONDict = field(default_factory=dict)


@dataclass(slots=True)
class SourceChat:
    """``source`` names the chat among all of its owner: a second import recognises it.

    ``fields`` are columns of the conversation that only files of this server have; with
    ``keeps_ids`` the chat and its messages are called what they were called there.
    """

    source: str
    title: str
    endpoint: str
    messages: list[SourceMessage]
    created_at: datetime | None = None
    model: str = ""
    settings: JSONDict = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    project_id: str = ""
    fields: JSONDict = field(default_factory=dict)
    keeps_ids: bool = False


class Keys:
    """Names for the messages of a chat: their own where they have one, and each only once."""

    def __init__(self) -> None:
        self._used: set[str] = set()

    def take(self, name: JSONValue, position: int) -> str:
        own = name if isinstance(name, str) and name else f"#{position}"
        key = own if own not in self._used else f"{own}#{position}"
        self._used.add(key)
        return key


def in_a_row(messages: Iterator[SourceMessage]) -> list[SourceMessage]:
    """Each becomes the answer to the one before it."""
    row: list[SourceMessage] = []
    for message in messages:
        message.parent_key = row[-1].key if row else ""
        row.append(message)
    return row
