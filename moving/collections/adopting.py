"""Chats for messages whose own are gone, where ``--adopt-orphans`` asks for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from conversations.models import Conversation
from librechat_backend.lib.json import JSONDict
from moving.collections.conversations import CONVERSATION_ID_LENGTH, store_chats
from moving.job import Job
from moving.values import created_at, fitting_id, text

TITLE = "Recovered"
ADOPTED = "messages of a chat that is gone have got one"
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Adopted:
    """A chat that is to be made; ``key`` is its owner and its id."""

    key: Key
    document: JSONDict

    @property
    def pk(self) -> str:
        return str(self.document["_id"])


def adopt(orphans: Sequence[tuple[JSONDict, str]]) -> list[Adopted]:
    """A chat for each (owner, id of a chat) of ``orphans``, as the source would have it. Pure."""
    of_chat: dict[Key, list[JSONDict]] = {}
    for document, owner in orphans:
        name = text(document, "conversationId")
        if name:
            key = (owner, fitting_id(owner, name, CONVERSATION_ID_LENGTH))
            of_chat.setdefault(key, []).append(document)
    return [Adopted(key, _document(key, messages)) for key, messages in of_chat.items()]


def _document(key: Key, messages: Sequence[JSONDict]) -> JSONDict:
    owner, name = key
    dates = sorted(created_at(each) for each in messages)
    return {
        "_id": sha256(f"{owner}\x00{name}".encode()).hexdigest()[:24],
        "conversationId": name,
        "title": TITLE,
        "endpoint": next(filter(None, (text(each, "endpoint") for each in messages)), ""),
        "model": next(filter(None, (text(each, "model") for each in messages)), ""),
        "createdAt": dates[0],
        "updatedAt": dates[-1],
    }


def store_adopted(adopted: Sequence[Adopted], job: Job) -> None:
    """Those that are not here: another batch may have made them meanwhile."""
    if not adopted:
        return
    here = job.here.find(Conversation, [each.pk for each in adopted])
    new = [each for each in adopted if each.pk not in here]
    store_chats([(each.document, each.key[0]) for each in new], job)
    job.here.add(Conversation, [each.pk for each in new])
    for each in new:
        job.tally.note(ADOPTED, each.key[1])
