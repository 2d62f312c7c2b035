"""Bytes move from one storage to the other, while the server runs (``move_storage``).

Each object is copied, read back from where it went, compared with its checksum, and only then does
its row point there; the old copy goes last. Whatever ends the move in between, the row points at
bytes that are there, and the next run goes on and removes what was left behind.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

import structlog
from django.conf import settings

from files import storage
from files.models import Blob
from files.receiving import spooled
from files.storage import BytesMissing

BATCH_SIZE = 500

log = structlog.get_logger(__name__)


class MoveRunning(Exception):
    """Somebody else is moving files; two in opposite directions would take each other's copies."""


@dataclass(frozen=True, slots=True)
class Moved:
    """``problem`` is empty for what was moved."""

    blob: Blob
    problem: str = ""


def move_blobs(*, target: Blob.Storage) -> Iterator[Moved]:
    """Move everything that is elsewhere to ``target``, one object after the other."""
    last = ""
    elsewhere = Blob.objects.exclude(storage=target).exclude(checksum="").order_by("pk")
    while blob := elsewhere.filter(pk__gt=last).first():
        last = blob.pk
        yield Moved(blob, _move(blob, target))


@contextmanager
def only_move() -> Iterator[None]:
    """Nobody else moves files meanwhile; the lock ends with its process. Raises MoveRunning."""
    with (settings.DATA_DIR / "move_storage.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise MoveRunning from error
        yield


def remove_left_behind(*, target: Blob.Storage) -> int:
    """Delete old copies of what is in ``target``, left by a move that was killed; how many."""
    is_to_disk = target is Blob.Storage.DISK
    try:
        old = storage.store(Blob.Storage.S3 if is_to_disk else Blob.Storage.DISK)
    except BytesMissing:
        return 0
    keys, count = old.keys(), 0
    while batch := list(islice(keys, BATCH_SIZE)):
        moved = Blob.objects.filter(key__in=batch, storage=target).exclude(checksum="")
        for key in moved.values_list("key", flat=True):
            old.delete(key)
            count += 1
    return count


def _move(blob: Blob, target: Blob.Storage) -> str:
    """Why it could not be moved; empty when it was."""
    source = blob.storage
    try:
        with spooled() as path:
            if storage.copy_to(blob, path) != blob.checksum:
                return "The stored bytes are not those that were uploaded."
            storage.store(target).write(blob.key, path)
        if not _verified(blob, target):
            return "The copy differs from the original."
    except BytesMissing:
        return "The storage does not have these bytes."
    # Unless it was deleted or moved by somebody else meanwhile.
    moved = Blob.objects.filter(pk=blob.pk, storage=source).update(storage=target)
    left = source if moved else target
    if moved or not Blob.objects.filter(pk=blob.pk).exists():
        storage.store(left).delete(blob.key)
    return ""


def _verified(blob: Blob, target: Blob.Storage) -> bool:
    """Whether the copy in ``target``, read from there, is what was uploaded."""
    with spooled() as path:
        copy = Blob(key=blob.key, storage=target)
        return storage.copy_to(copy, path) == blob.checksum
