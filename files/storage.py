"""The bytes of files: on disk or in S3, written once, read in pieces. Calls block.

The only place that knows how either works. Addresses are signed when they are asked for and are
stored nowhere.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

import structlog
from django.conf import settings
from django.core.files.storage import FileSystemStorage, InvalidStorageError, storages

from files.models import Blob
from librechat_backend.lib.errors import AppError
from librechat_backend.lib.storages import PART_BYTES

CHUNK_BYTES = 256 * 1024
SIGNED_URL_SECONDS = 300
# What is ours in a bucket that has other things, too.
KEY_PREFIX = "files/"

log = structlog.get_logger(__name__)


class BytesMissing(Exception):
    """The storage does not have the bytes a row speaks of."""


class StorageUnavailable(AppError):
    """S3 does not answer, or not as it should."""

    status = 503

    def __init__(self) -> None:
        super().__init__("The file storage cannot be reached right now; try again later.")


class Reader(Protocol):
    def read(self, size: int, /) -> bytes: ...
    def close(self) -> None: ...


class Store(Protocol):
    def write(self, key: str, source: Path) -> None:
        """Keep the bytes of the file ``source`` under ``key``; ``source`` may be gone then."""
        ...

    def open(self, key: str, *, start: int = 0, end: int | None = None) -> Reader:
        """From byte ``start`` to before ``end``. Raises BytesMissing."""
        ...

    def delete(self, key: str) -> None:
        """What is not there is deleted already."""
        ...

    def keys(self) -> Iterator[str]:
        """Of all that is kept, in no order."""
        ...

    def end_broken_writes(self, *, before: datetime) -> int:
        """Remove the parts of what was being written then and never ended; of how many."""
        ...

    def signed_url(self, key: str, *, disposition: str, media_type: str, seconds: int) -> str:
        """An address that works for ``seconds``; empty where there is none."""
        ...

    def signed_upload(self, key: str, *, size: int, seconds: int) -> str:
        """An address for one PUT of ``size`` bytes; empty where there is none."""
        ...


def new_files_go_to() -> Blob.Storage:
    return Blob.Storage.S3 if settings.S3_BUCKET else Blob.Storage.DISK


@cache
def store(name: str) -> Store:
    """Raises BytesMissing for S3 when no bucket is set."""
    if name == Blob.Storage.DISK:
        return DiskStore()
    try:
        return S3Store()
    except InvalidStorageError as error:
        raise BytesMissing("S3 is not configured.") from error


def delete_everywhere(blob: Blob) -> None:
    """From every storage there is: a move that was killed left a copy where no row says.

    Raises BytesMissing where its own storage is not set up any more, StorageUnavailable.
    """
    for name in sorted({blob.storage, Blob.Storage.DISK, new_files_go_to()}):
        store(name).delete(blob.key)


class _Section:
    """A part of an open file."""

    def __init__(self, file: BinaryIO, length: int) -> None:
        self._file = file
        self._left = length

    def read(self, size: int, /) -> bytes:
        data = self._file.read(min(size, self._left))
        self._left -= len(data)
        return data

    def close(self) -> None:
        self._file.close()


class DiskStore:
    @property
    def _storage(self) -> FileSystemStorage:
        return cast(FileSystemStorage, storages["disk"])

    def write(self, key: str, source: Path) -> None:
        # Both are below DATA_DIR, so this is a rename where it can be one.
        target = Path(self._storage.path(key))
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        source.chmod(0o600)
        shutil.move(source, target)

    def open(self, key: str, *, start: int = 0, end: int | None = None) -> Reader:
        path = Path(self._storage.path(key))
        try:
            file = path.open("rb")
        except FileNotFoundError as error:
            raise BytesMissing(key) from error
        file.seek(start)
        return _Section(file, (path.stat().st_size if end is None else end) - start)

    def delete(self, key: str) -> None:
        with suppress(FileNotFoundError):
            self._storage.delete(key)

    def keys(self) -> Iterator[str]:
        root = Path(self._storage.location)
        return (path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())

    def end_broken_writes(self, *, before: datetime) -> int:
        return 0  # what arrives is whole when it is moved here

    def signed_url(self, key: str, *, disposition: str, media_type: str, seconds: int) -> str:
        return ""

    def signed_upload(self, key: str, *, size: int, seconds: int) -> str:
        return ""


class S3Store:
    """Through django-storages' configuration and one client, which threads may share.

    Its ``open`` would fetch the whole object first, and each thread would build a client.
    """

    def __init__(self) -> None:
        self._storage = cast(Any, storages["s3"])
        self._client: Any = self._storage.connection.meta.client
        self._bucket: str = self._storage.bucket_name

    def write(self, key: str, source: Path) -> None:
        from boto3.s3.transfer import TransferConfig

        config = TransferConfig(
            multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES, use_threads=False
        )
        with _reached(key), source.open("rb") as file:
            self._client.upload_fileobj(file, self._bucket, key, Config=config)

    def open(self, key: str, *, start: int = 0, end: int | None = None) -> Reader:
        if start == end:
            return _Section(BytesIO(), 0)  # S3 knows no empty range
        section = f"bytes={start}-" if end is None else f"bytes={start}-{end - 1}"
        wanted = {"Range": section} if start or end is not None else {}
        with _reached(key):
            found = self._client.get_object(Bucket=self._bucket, Key=key, **wanted)
            return cast(Reader, found["Body"])

    def delete(self, key: str) -> None:
        with _reached(key):
            self._client.delete_object(Bucket=self._bucket, Key=key)

    def keys(self) -> Iterator[str]:
        with _reached(""):
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket):
                yield from (found["Key"] for found in page.get("Contents", []))

    def end_broken_writes(self, *, before: datetime) -> int:
        """Parts are in no list of objects, and are paid for until somebody ends their upload."""
        count = 0
        with _reached(""):
            for found in self._begun_writes():
                if found["Initiated"] < before:
                    self._client.abort_multipart_upload(
                        Bucket=self._bucket, Key=found["Key"], UploadId=found["UploadId"]
                    )
                    count += 1
        return count

    def _begun_writes(self) -> Iterator[dict[str, Any]]:
        pages = self._client.get_paginator("list_multipart_uploads")
        for page in pages.paginate(Bucket=self._bucket, Prefix=KEY_PREFIX):
            yield from page.get("Uploads", [])

    def signed_url(self, key: str, *, disposition: str, media_type: str, seconds: int) -> str:
        answer = {"ResponseContentDisposition": disposition, "ResponseContentType": media_type}
        url: str = self._storage.url(key, parameters=answer, expire=seconds)
        return url

    def signed_upload(self, key: str, *, size: int, seconds: int) -> str:
        wanted = {"Bucket": self._bucket, "Key": key, "ContentLength": size}
        url: str = self._client.generate_presigned_url("put_object", wanted, ExpiresIn=seconds)
        return url


@contextmanager
def _reached(key: str) -> Iterator[None]:
    """Errors of the SDK → ours."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in ("NoSuchKey", "404"):
            raise BytesMissing(key) from error
        log.exception("s3_failed", key=key)
        raise StorageUnavailable from error
    except (BotoCoreError, OSError) as error:
        log.exception("s3_failed", key=key)
        raise StorageUnavailable from error


@contextmanager
def opened(blob: Blob) -> Iterator[Reader]:
    """Raises BytesMissing."""
    reader = store(blob.storage).open(blob.key)
    try:
        yield reader
    finally:
        reader.close()


def read_bytes(blob: Blob) -> bytes:
    """All of it; for what a model is sent. Raises BytesMissing."""
    with opened(blob) as reader:
        return b"".join(iter(lambda: reader.read(CHUNK_BYTES), b""))


def copy_to(blob: Blob, target: Path) -> str:
    """Write the bytes to the file ``target``; their SHA-256. Raises BytesMissing."""
    digest = hashlib.sha256()
    with opened(blob) as reader, target.open("wb") as file:
        while chunk := reader.read(CHUNK_BYTES):
            digest.update(chunk)
            file.write(chunk)
    return digest.hexdigest()


def checksum(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
