"""What nobody has any more goes: bytes without a file, files whose time is over, broken uploads."""

import time
from collections.abc import Iterable
from dataclasses import dataclass

import structlog
from django.conf import settings
from django.db.models import ProtectedError
from django.utils import timezone

from files import storage
from files.models import Blob, File
from files.querysets import WRITING_TIME

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Cleaned:
    """How much was removed, or would be."""

    file_count: int = 0
    blob_count: int = 0
    byte_count: int = 0


def discard_blob(*, blob: Blob) -> None:
    """Undo an upload: its file, if it came to that, its bytes, its row."""
    File.objects.filter(blob=blob).delete()
    _remove(blob)


def remove_waste(*, blob_ids: Iterable[str] | None = None) -> Cleaned:
    """Remove bytes no file has; ``blob_ids``: of these only."""
    wasted = Blob.objects.wasted(timezone.now())
    if blob_ids is not None:
        wasted = wasted.filter(pk__in=list(blob_ids))
    removed = [blob for blob in wasted.order_by("pk") if _remove(blob)]
    return Cleaned(blob_count=len(removed), byte_count=sum(blob.byte_count for blob in removed))


def _remove(blob: Blob) -> bool:
    """First the bytes, then the row: what fails is tried again the next time."""
    try:
        storage.delete_everywhere(blob)
        blob.delete()
    except (storage.BytesMissing, storage.StorageUnavailable, OSError, ProtectedError) as error:
        log.warning("blob_not_removed", blob=blob.pk, reason=str(error))
        return False
    return True


def remove_expired() -> int:
    """Delete the files whose time is over; how many."""
    _, counts = File.objects.expired(timezone.now()).delete()
    return counts.get("files.File", 0)


def remove_broken_uploads() -> int:
    """Delete what dead processes left in the spool and in the bucket; how many."""
    return _remove_spooled() + _end_broken_writes()


def _remove_spooled() -> int:
    oldest = time.time() - WRITING_TIME.total_seconds()
    if not settings.SPOOL_DIR.is_dir():
        return 0
    stale = [path for path in settings.SPOOL_DIR.iterdir() if path.stat().st_mtime < oldest]
    for path in stale:
        path.unlink(missing_ok=True)
    return len(stale)


def _end_broken_writes() -> int:
    try:
        store = storage.store(storage.new_files_go_to())
        return store.end_broken_writes(before=timezone.now() - WRITING_TIME)
    except storage.StorageUnavailable as error:  # keys of some services may not list them
        log.warning("broken_uploads_not_removed", reason=str(error))
        return 0


def clean() -> Cleaned:
    """All of it; for a job that comes again and again."""
    file_count = remove_expired()
    remove_broken_uploads()
    waste = remove_waste()
    return Cleaned(file_count, waste.blob_count, waste.byte_count)


def count_waste() -> Cleaned:
    """What ``clean`` would remove now."""
    now = timezone.now()
    wasted = Blob.objects.wasted(now)
    return Cleaned(
        file_count=File.objects.expired(now).count(),
        blob_count=wasted.count(),
        byte_count=sum(wasted.values_list("byte_count", flat=True)),
    )
