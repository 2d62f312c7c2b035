"""A LibreChat database as an old installation has it: real shapes, and every hazard planted.

The same numbers give the same documents, so two writings of it are the same source. Documents are
made one by one, so a database of a million messages takes no memory.
"""

from __future__ import annotations

import base64
import hashlib
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import bcrypt
from bson import Int64, ObjectId
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

CREDS_KEY = bytes(range(32)).hex()
CREDS_IV = bytes(range(0xA0, 0xB0)).hex()
AVATAR = "images/{}/avatar-1700000000000.png"
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9Q"
    "DwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PASSWORD = "correct horse"
TOTP_SECRET = "JBSWY3DPEHPK3PXP"
BACKUP_CODE = "1a2b3c4d"
NO_PARENT = "00000000-0000-0000-0000-000000000000"
BEGIN = datetime(2024, 3, 1, 8, 0, 0, 123000, tzinfo=UTC)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)

Documents = Iterator[dict[str, Any]]
_HASH = bcrypt.hashpw(PASSWORD.encode(), b"$2a$10$" + b"abcdefghijklmnopqrstuu").decode()


def v1(text: str) -> str:
    padder = PKCS7(128).padder()
    padded = padder.update(text.encode()) + padder.finalize()
    return _sealed(modes.CBC(bytes.fromhex(CREDS_IV)), padded)


def v2(text: str) -> str:
    iv = bytes(range(0xC0, 0xD0))
    padder = PKCS7(128).padder()
    return f"{iv.hex()}:{_sealed(modes.CBC(iv), padder.update(text.encode()) + padder.finalize())}"


def v3(text: str) -> str:
    iv = bytes(range(0xC0, 0xD0))
    return f"v3:{iv.hex()}:{_sealed(modes.CTR(iv), text.encode())}"


def _sealed(mode: Any, data: bytes) -> str:
    encryptor = Cipher(algorithms.AES(bytes.fromhex(CREDS_KEY)), mode).encryptor()
    return (encryptor.update(data) + encryptor.finalize()).hex()


def oid(kind: str, number: int) -> ObjectId:
    """Its time is that of the thing; the rest says what it is."""
    seconds = int(BEGIN.timestamp()) + number
    tail = hashlib.sha256(f"{kind}{number}".encode()).hexdigest()[:16]
    return ObjectId(f"{seconds:08x}{tail}")


def uuid(kind: str, number: int) -> str:
    return str(UUID(hashlib.sha256(f"{kind}{number}".encode()).hexdigest()[:32], version=4))


@dataclass(frozen=True, slots=True)
class Person:
    number: int

    @property
    def id(self) -> ObjectId:
        return oid("user", self.number)

    @property
    def email(self) -> str:
        return f"person{self.number}@example.com"


@dataclass(frozen=True, slots=True)
class OldDatabase:
    """``conversations`` chats of ``length`` messages each, spread over ``people``."""

    people: int = 5
    conversations: int = 20
    length: int = 10
    with_hazards: bool = True

    def collections(self) -> dict[str, Callable[[], Documents]]:
        return {
            "users": self.users,
            "roles": self.roles,
            "groups": self.groups,
            "chatprojects": self.projects,
            "conversationtags": self.tags,
            "presets": self.presets,
            "files": self.files,
            "conversations": self.chats,
            "messages": self.messages,
            "librechatCredentialMetadata": self.credentials,
            "agent_checkpoints": self.unknown,
        }

    def person(self, number: int) -> Person:
        return Person(number % self.people)

    # -- People ------------------------------------------------------------------------------

    def users(self) -> Documents:
        for number in range(self.people):
            yield self._user(number)
        if self.with_hazards:
            yield from self._strange_users()

    def _user(self, number: int) -> dict[str, Any]:
        person = Person(number)
        return {
            "_id": person.id,
            "name": f"Person {number}",
            "username": f"person{number}",
            "email": person.email,
            "emailVerified": True,
            "password": _HASH,
            "avatar": f"/{AVATAR.format(person.id)}?manual=true" if number == 0 else None,
            "provider": "local",
            "role": "ADMIN" if number == 0 else "USER",
            "plugins": ["google"],
            "twoFactorEnabled": number == 1,
            **({"idOnTheSource": "directory-3"} if number == 3 else {}),
            **(_second_factor() if number == 1 else {}),
            "refreshToken": [],
            "termsAccepted": True,
            "personalization": {"memories": number != 2},
            "favorites": [{"model": "gpt-4o", "endpoint": "openAI"}],
            "createdAt": BEGIN + timedelta(seconds=number),
            "updatedAt": BEGIN + timedelta(days=1, seconds=number),
            "__v": 0,
        }

    def _strange_users(self) -> Documents:
        # The same address in capitals, written by a script.
        yield {**self._user(2), "_id": oid("twin", 0), "email": "Person2@Example.com "}
        # Only ever signed in through a provider; no dates.
        yield {
            "_id": oid("social", 0),
            "email": "social@example.com",
            "provider": "google",
            "googleId": "1122334455",
            "openidId": "subject",
            "openidIssuer": "https://issuer.example.com",
        }
        # Never confirmed, long over.
        yield {
            "_id": oid("over", 0),
            "email": "over@example.com",
            "expiresAt": LONG_AGO,
        }
        yield {"_id": oid("noone", 0), "email": None}

    def roles(self) -> Documents:
        yield {"_id": oid("role", 0), "name": "ADMIN", "permissions": {"BOOKMARKS": {"USE": True}}}
        # As old versions stored them.
        prompts = {"USE": True, "CREATE": False, "SHARED_GLOBAL": True}
        yield {"_id": oid("role", 1), "name": "USER", "PROMPTS": prompts}
        yield {
            "_id": oid("role", 2),
            "name": "guests",
            "description": "People from outside",
            "permissions": {"MEMORIES": {"USE": False, "UNKNOWN": True}, "SURPRISE": {"USE": True}},
        }

    def groups(self) -> Documents:
        group = {"createdAt": BEGIN, "updatedAt": BEGIN}
        members = [str(self.person(0).id), str(self.person(1).id), str(oid("gone", 0))]
        yield {
            "_id": oid("group", 0), "name": "Sailors", "source": "local",
            "memberIds": members if self.with_hazards else members[:2], **group,
        }  # fmt: skip
        if self.with_hazards:
            yield {
                "_id": oid("group", 1), "name": "Sailors", "source": "entra",
                "idOnTheSource": "g-1", "memberIds": ["directory-3", "directory-unknown"], **group,
            }  # fmt: skip

    def projects(self) -> Documents:
        yield {
            "_id": oid("project", 0), "name": "Harbour", "description": "", "conversationCount": 99,
            "user": str(self.person(0).id), "createdAt": BEGIN, "updatedAt": BEGIN,
        }  # fmt: skip

    def tags(self) -> Documents:
        for number, name in enumerate(("Saved", "Later")):
            yield {
                "_id": oid("tag", number), "tag": name, "user": str(self.person(0).id),
                "count": 99, "position": 1 if self.with_hazards else number,
                "createdAt": BEGIN + timedelta(seconds=number), "updatedAt": BEGIN,
            }  # fmt: skip

    def presets(self) -> Documents:
        for number in range(2):
            yield {
                "_id": oid("preset", number), "presetId": uuid("preset", number),
                "title": f"Preset {number}", "user": str(self.person(0).id), "endpoint": "openAI",
                "model": "gpt-4o", "temperature": 0.1, "defaultPreset": True, "order": 0,
                "tools": [], "createdAt": BEGIN, "updatedAt": BEGIN + timedelta(seconds=number),
            }  # fmt: skip
        if self.with_hazards:
            yield {"_id": oid("preset", 2), "presetId": "seed", "title": "Shared", "user": None}

    # -- Files -------------------------------------------------------------------------------

    def kept(self) -> dict[str, bytes]:
        """What lies in the directory of the old server."""
        owner = self.person(0).id
        return {
            f"client/public/{AVATAR.format(owner)}": PIXEL,
            f"client/public/images/{owner}/{uuid('file', 0)}__boat.png": PIXEL,
            f"uploads/{owner}/{uuid('file', 1)}__Notes_ä.txt": b"tide",
        }

    def files(self) -> Documents:
        owner = self.person(0).id
        image = f"/images/{owner}/{uuid('file', 0)}__boat.png"
        yield {**self._file(0, "boat.png", "image/png", image, PIXEL), "width": 1, "height": 1}
        address = f"/uploads/{owner}/{uuid('file', 1)}__Notes_%C3%A4.txt"
        yield self._file(1, "Notes ä.txt", "text/plain", address, b"tide")
        if self.with_hazards:
            yield from self._strange_files(image)

    def _file(self, number: int, name: str, kind: str, address: str, data: bytes) -> dict[str, Any]:
        return {
            "_id": oid("file", number), "user": self.person(0).id, "file_id": uuid("file", number),
            "filename": name, "filepath": address, "bytes": len(data), "type": kind,
            "object": "file", "embedded": False, "usage": 1, "source": "local",
            "context": "message_attachment",
            "createdAt": BEGIN + timedelta(seconds=number), "updatedAt": BEGIN,
        }  # fmt: skip

    def _strange_files(self, image: str) -> Documents:
        lost = f"/uploads/{self.person(0).id}/gone.txt"
        # The same id again: a later upload.
        again = self._file(0, "boat again.png", "image/png", image, PIXEL)
        yield {**again, "_id": oid("file", 9), "updatedAt": BEGIN + timedelta(days=1),
               "width": 1, "height": 1}  # fmt: skip
        yield self._file(2, "gone.txt", "text/plain", lost, b"gone")
        yield {**self._file(3, "vectors.pdf", "application/pdf", "vectordb", b""),
               "source": "vectordb", "embedded": True}  # fmt: skip
        yield {**self._file(4, "scan.pdf", "application/pdf", "/old/tmp/scan.pdf", b""),
               "source": "mistral_ocr", "text": "read by a machine"}  # fmt: skip
        signed = (
            f"https://bucket.s3.amazonaws.com/images/{self.person(0).id}/far.png"
            "?X-Amz-Expires=900&X-Amz-Signature=abc"
        )
        yield {**self._file(5, "far.png", "image/png", signed, PIXEL), "source": "s3",
               "width": 1, "height": 1}  # fmt: skip
        # An upload nobody confirmed.
        yield {**self._file(6, "over.txt", "text/plain", lost, b""), "expiresAt": LONG_AGO}
        yield {**self._file(7, "theirs.txt", "text/plain", lost, b""), "user": oid("gone", 0)}

    # -- Chats -------------------------------------------------------------------------------

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

    # -- The rest ----------------------------------------------------------------------------

    def credentials(self) -> Documents:
        prints = {
            name: hashlib.sha256(value.encode()).hexdigest()
            for name, value in (("CREDS_KEY", CREDS_KEY), ("CREDS_IV", CREDS_IV))
        }
        yield {"_id": "primary", "fingerprints": prints, "createdAt": BEGIN}

    def unknown(self) -> Documents:
        yield {"_id": oid("checkpoint", 0), "thread_id": "t"}


def _second_factor() -> dict[str, Any]:
    codes = [BACKUP_CODE, *(f"{number:08x}" for number in range(9))]
    hashes = [hashlib.sha256(code.encode()).hexdigest() for code in codes]
    return {
        "totpSecret": v3(TOTP_SECRET),
        "backupCodes": [
            {"codeHash": each, "used": number == 9, "usedAt": BEGIN if number == 9 else None}
            for number, each in enumerate(hashes)
        ],
    }


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
