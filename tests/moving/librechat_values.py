"""Ids, dates and secrets of an old installation, the same each time; and how much it holds."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from bson import ObjectId
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
class OldSize:
    """``conversations`` chats of ``length`` messages each, spread over ``people``."""

    people: int = 5
    conversations: int = 20
    length: int = 10
    with_hazards: bool = True

    def person(self, number: int) -> Person:
        return Person(number % self.people)
