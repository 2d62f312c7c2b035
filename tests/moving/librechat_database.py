"""A LibreChat database as an old installation has it: real shapes, and every hazard planted.

The same numbers give the same documents, so two writings of it are the same source. Documents are
made one by one, so a database of a million messages takes no memory.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from tests.moving.librechat_chats import OldChats
from tests.moving.librechat_people import OldPeople
from tests.moving.librechat_values import (
    AVATAR,
    BEGIN,
    CREDS_IV,
    CREDS_KEY,
    LONG_AGO,
    PIXEL,
    Documents,
    oid,
    uuid,
)


@dataclass(frozen=True, slots=True)
class OldDatabase(OldPeople, OldChats):
    """Everything an old installation holds."""

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

    # -- The rest ----------------------------------------------------------------------------

    def credentials(self) -> Documents:
        prints = {
            name: hashlib.sha256(value.encode()).hexdigest()
            for name, value in (("CREDS_KEY", CREDS_KEY), ("CREDS_IV", CREDS_IV))
        }
        yield {"_id": "primary", "fingerprints": prints, "createdAt": BEGIN}

    def unknown(self) -> Documents:
        yield {"_id": oid("checkpoint", 0), "thread_id": "t"}
