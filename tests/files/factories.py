"""Rows and bytes of files for tests without a server."""

from pathlib import Path
from typing import Any

from django.conf import settings

from accounts.models import User
from files.models import Blob, File
from librechat_backend.lib.ids import new_uuid


def make_file(user: User, data: bytes = b"hello", **fields: Any) -> File:
    """Stored on disk."""
    key = f"files/test/{new_uuid()}"
    path = path_of(key)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    blob = Blob.objects.create(
        key=key, storage=Blob.Storage.DISK, byte_count=len(data), checksum="0" * 64
    )
    file_id = new_uuid()
    values = {
        "file_id": file_id,
        "name": f"{file_id}__notes.txt",
        "filename": "notes.txt",
        "media_type": "text/plain",
        "byte_count": len(data),
    }
    return File.objects.create(user=user, blob=blob, **values | fields)


def path_of(key: str) -> Path:
    root: Path = settings.MEDIA_ROOT
    return root / key
