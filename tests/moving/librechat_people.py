"""The people of an old LibreChat database, and what they have besides their chats."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import bcrypt

from tests.moving.librechat_values import (
    AVATAR,
    BACKUP_CODE,
    BEGIN,
    LONG_AGO,
    PASSWORD,
    TOTP_SECRET,
    Documents,
    OldSize,
    Person,
    oid,
    uuid,
    v3,
)

_HASH = bcrypt.hashpw(PASSWORD.encode(), b"$2a$10$" + b"abcdefghijklmnopqrstuu").decode()


@dataclass(frozen=True, slots=True)
class OldPeople(OldSize):
    """Hazards: an address that stands twice, people of providers, members who are gone."""

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
