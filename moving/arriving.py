"""The bytes of files: fetched from where the source keeps them, measured, stored.

What has not arrived is a row of AwaitedBytes, so this can be interrupted and repeated, and a later
run fetches what an earlier one did not find.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from django.db import transaction

from files.models import Blob, File
from files.receiving import spooled
from files.storage import checksum, store
from moving.job import Options
from moving.models import AwaitedBytes
from moving.tally import Tally

S3 = "s3://"
MISSING = "its bytes were not found"
OTHER_SIZE = "it has another size than the source says"
BATCH = 500
# Below the directory of the old server, for each first part of a key.
PLACES = ("", "client/public", "public", "api")


class Unreachable(Exception):
    """The place cannot be read at all."""


class Place(Protocol):
    def fetch(self, location: str, target: Path) -> bool:
        """Write the bytes to ``target``; False where there are none. Raises Unreachable."""
        ...


class Directory:
    """The old server's directory, or one with its ``images`` and ``uploads``."""

    def __init__(self, root: Path) -> None:
        if not root.is_dir():
            raise Unreachable(f"There is no directory {root}.")
        self._root = root.resolve()

    def fetch(self, location: str, target: Path) -> bool:
        for place in PLACES:
            path = self._find(f"{place}/{location}")
            if path is not None:
                _copy(path, target)
                return True
        return False

    def _find(self, name: str) -> Path | None:
        """Nothing outside of the directory, wherever links lead to."""
        try:
            path = (self._root / name.lstrip("/")).resolve()
            return path if path.is_relative_to(self._root) and path.is_file() else None
        except (OSError, RuntimeError):  # too long a name, links in a circle
            return None


def _copy(path: Path, target: Path) -> None:
    try:
        shutil.copyfile(path, target)
    except OSError as error:
        raise Unreachable(f"{path} cannot be copied: {error.strerror}.") from error


class Bucket:
    """``address`` is ``s3://bucket/prefix``; ``env`` has the source's AWS_… variables."""

    def __init__(self, address: str, env: Mapping[str, str | None]) -> None:
        import boto3

        parts = urlsplit(address)
        prefix = parts.path.strip("/")
        self._bucket, self._prefix = parts.netloc, f"{prefix}/" if prefix else ""
        self._client: Any = boto3.client(
            "s3",
            endpoint_url=env.get("AWS_ENDPOINT_URL") or None,
            region_name=env.get("AWS_REGION") or None,
            aws_access_key_id=env.get("AWS_ACCESS_KEY_ID") or None,
            aws_secret_access_key=env.get("AWS_SECRET_ACCESS_KEY") or None,
        )

    def fetch(self, location: str, target: Path) -> bool:
        from botocore.exceptions import BotoCoreError, ClientError

        # An address with the bucket in its path names it first.
        own = location.removeprefix(f"{self._bucket}/")
        try:
            self._client.download_file(self._bucket, f"{self._prefix}{own}", str(target))
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in ("404", "NoSuchKey"):
                return False
            raise Unreachable(f"The bucket {self._bucket} cannot be read.") from error
        except BotoCoreError as error:
            raise Unreachable(f"The bucket {self._bucket} cannot be reached.") from error
        return True


def open_place(files: str, env: Mapping[str, str | None]) -> Place:
    """Raises Unreachable."""
    return Bucket(files, env) if files.startswith(S3) else Directory(Path(files))


def fetch_awaited(place: Place, options: Options, reach: Callable[[int], None]) -> Tally:
    """Store what can be found. ``reach`` hears how many were looked for."""
    tally = Tally()
    for awaited in _pages():
        tally.read += 1
        _take(place, awaited, tally, options)
        reach(tally.read)
    return tally


def _pages() -> Iterator[AwaitedBytes]:
    last = ""
    rows = AwaitedBytes.objects.select_related("file__blob").defer("file__text").order_by("pk")
    while page := list(rows.filter(pk__gt=last)[:BATCH]):
        last = page[-1].pk
        yield from page


def _take(place: Place, awaited: AwaitedBytes, tally: Tally, options: Options) -> None:
    file = awaited.file
    with spooled() as path:
        with suppress(FileNotFoundError):
            path.unlink()
        if not place.fetch(awaited.location, path):
            tally.skip(MISSING, f"{file.file_id} {awaited.location}", is_lost=True)
            return
        size = path.stat().st_size
        if file.byte_count not in (0, size):
            tally.note(OTHER_SIZE, f"{file.file_id}: {size} instead of {file.byte_count}")
        if not options.is_dry_run:
            _keep(file, path, size)
            awaited.delete()
    tally.written += 1
    tally.add("bytes", size)


def _keep(file: File, path: Path, size: int) -> None:
    """The bytes first: a row never speaks of some that are not there."""
    digest = checksum(path)
    store(file.blob.storage).write(file.blob.key, path)
    with transaction.atomic():
        Blob.objects.filter(pk=file.blob_id).update(byte_count=size, checksum=digest)
        File.objects.filter(pk=file.pk).update(byte_count=size)
