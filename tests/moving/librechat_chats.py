"""The chats of an old LibreChat database, and their messages."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import Int64

from tests.moving.librechat_values import BEGIN, LONG_AGO, NO_PARENT, Documents, OldSize, oid, uuid


@dataclass(frozen=True, slots=True)
class OldChats(OldSize):
    """Hazards: chats that are there twice or of nobody, messages in a circle or without a chat."""

    def chats(self) -> Documents:
        for number in range(self.conversations):
            yield self._chat(number)
        if self.with_hazards:
            yield from self._strange_chats()

    def _chat(self, number: int) -> dict[str, Any]:
        began = BEGIN + timedelta(minutes=number)
        return {
            "_id": oid("chat", number),
            "conversationId": uuid("chat", number),
            "user": str(self.person(number).id),
            "title": f"Chat number {number}",
            "endpoint": "openAI",
            "model": "gpt-4o",
            "messages": [],
            "temperature": 0.7,
            "promptPrefix": "Be brief.",
            "maxContextTokens": Int64(8000),
            "tags": ["Saved"] if number % 5 == 0 else [],
            **({"chatProjectId": str(oid("project", 0))} if number == self.people else {}),
            "isArchived": number % 7 == 6,
            "pinned": number % 11 == 10,
            "expiredAt": None,
            "_meiliIndex": True,
            "createdAt": began,
            "updatedAt": began + timedelta(seconds=self.length),
            "__v": 0,
        }

    def _strange_chats(self) -> Documents:
        twin = self._chat(0)
        # Twice, from before the index was unique; the newer one counts.
        newer = twin["updatedAt"] + timedelta(hours=1)
        yield {**twin, "_id": oid("twin", 1), "title": "Renamed", "updatedAt": newer}
        # The same id, of somebody else: an honest one.
        yield {**twin, "_id": oid("twin", 2), "user": str(self.person(1).id)}
        # Its owner was deleted.
        yield {**self._chat(1), "_id": oid("orphan", 1), "user": str(oid("gone", 0))}
        # An address in place of the owner, no title, no dates, an id that fits nowhere.
        yield {
            "_id": oid("strange", 0),
            "conversationId": "imported/" + "x" * 60,
            "user": self.person(3).email,
            "title": None,
            "endpoint": None,
            "examples": float("nan"),
        }
        # Over; and one that is temporary by the rules of old.
        yield {**self._chat(2), "_id": oid("over", 1), "conversationId": "a", "expiredAt": LONG_AGO}
        later = datetime(2100, 1, 1, tzinfo=UTC)
        yield {**self._chat(3), "_id": oid("temp", 0), "conversationId": "b", "expiredAt": later}

    # -- Messages ----------------------------------------------------------------------------

    def messages(self) -> Documents:
        dice = random.Random(7)
        words = [
            "".join(dice.choices("abcdefghijklmnop", k=dice.randint(2, 9))) for _ in range(4000)
        ]
        for chat in range(self.conversations):
            for number in range(self.length):
                yield self._message(chat, number, words, dice)
        if self.with_hazards:
            yield from self._strange_messages()

    def _message(
        self, chat: int, number: int, words: list[str], dice: random.Random
    ) -> dict[str, Any]:
        count = chat * self.length + number
        said = " ".join(dice.choices(words, k=dice.randint(5, 20 if number % 2 == 0 else 160)))
        return {
            "_id": oid("message", count),
            "messageId": uuid("message", count),
            "conversationId": uuid("chat", chat),
            "user": str(self.person(chat).id),
            "parentMessageId": self._parent(chat, number),
            "createdAt": BEGIN + timedelta(minutes=chat, seconds=number),
            "updatedAt": BEGIN + timedelta(minutes=chat, seconds=number),
            "endpoint": "openAI",
            "error": False,
            "unfinished": False,
            "tokenCount": len(said) // 4,
            "_meiliIndex": True,
            "__v": 0,
            **(_question(said) if number % 2 == 0 else _answer(said, number)),
            **({"files": [self._attached()]} if count == 0 else {}),
        }

    def _attached(self) -> dict[str, Any]:
        """As a signed address of S3, long over."""
        signed = f"images/{self.person(0).id}/{uuid('file', 0)}__boat.png?X-Amz-Signature=abc"
        return {
            "file_id": uuid("file", 0),
            "filepath": f"https://bucket.s3.amazonaws.com/{signed}",
            "type": "image/png",
            "width": 1,
            "height": 1,
        }

    def _parent(self, chat: int, number: int) -> str:
        """A row, with a second answer to the first question as the fourth message."""
        if number == 0:
            return NO_PARENT
        before = 0 if number == 3 else number - 1
        return uuid("message", chat * self.length + before)

    def _strange_messages(self) -> Documents:
        first = {
            "conversationId": uuid("chat", 0),
            "user": str(self.person(0).id),
            "parentMessageId": uuid("message", 0),
            "createdAt": BEGIN + timedelta(hours=1),
            "isCreatedByUser": False,
            "sender": "GPT-4o",
        }

        def strange(number: int, **members: Any) -> dict[str, Any]:
            return {"_id": oid("odd", number), "messageId": f"odd-{number}", **first, **members}

        yield strange(0, text="a\x00b", metadata={"nan": float("nan"), "big": Int64(2**60)})
        yield strange(1, text="no chat", conversationId=uuid("nowhere", 0))
        yield strange(2, text="no parent", parentMessageId=uuid("nowhere", 1))
        yield strange(3, text="own parent", parentMessageId="odd-3")
        yield strange(4, text="first of a circle", parentMessageId="odd-5")
        yield strange(5, text="second of a circle", parentMessageId="odd-4")
        yield strange(6, text="no owner", user=None, conversationId=uuid("chat", 2))
        yield strange(7, text="an owner as an id", user=self.person(0).id)
        yield strange(8, content=[None, {"type": "text", "text": {"value": "parted"}}, "bare"])
        deep: Any = "bottom"
        for _ in range(90):
            deep = {"a": deep}
        yield strange(9, text="deep", metadata=deep)
        yield strange(10, text="older version", messageId="odd-twin")
        newer = BEGIN + timedelta(days=2)
        yield strange(11, text="newer version", messageId="odd-twin", updatedAt=newer)
        yield strange(12, text="over", expiredAt=LONG_AGO)
        yield strange(13, text="a date as text", createdAt="2024-03-01T12:00:00.000Z")
        yield strange(14, text="older than its parent", createdAt=LONG_AGO)
        # Pictures as links: in S3, of somebody who becomes another person, and of strangers.
        mine = f"https://bucket.s3.amazonaws.com/images/{first['user']}/f.png?X-Amz-Date=1"
        twins = f"/images/{oid('twin', 0)}/a%20b.png"
        links = f"![f]({mine}) ![a]({twins}) [c](https://example.com/images/c.png)"
        yield strange(15, content=[{"type": "text", "text": links}])


def _question(said: str) -> dict[str, Any]:
    return {"isCreatedByUser": True, "sender": "User", "text": said}


def _answer(said: str, number: int) -> dict[str, Any]:
    call = {"id": "call_1", "name": "search", "args": {"q": "tide"}, "output": "found"}
    parts: list[Any] = [{"type": "text", "text": said}]
    if number % 4 == 3:
        parts = [{"type": "think", "think": "hm"}, {"type": "tool_call", "tool_call": call}, *parts]
    return {
        "isCreatedByUser": False,
        "sender": "GPT-4o",
        "model": "gpt-4o",
        "text": "",
        "content": parts,
        "feedback": {"rating": "thumbsUp"} if number % 8 == 1 else None,
        "attachments": [],
    }
