"""Uploaded files of chats: taken in as a task, with progress and a report (contract 03 §4)."""

import shutil
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import User
from conversations.imports.chats import NotAChat
from conversations.imports.detect import Unsupported, title_of, to_chat
from conversations.imports.files import chat_files, own_files
from conversations.imports.reading import Broken, Found, read_elements
from conversations.models import ChatImport
from conversations.models.chat_import import FILE_NAME_MAX_LENGTH
from conversations.services.restoring import PARTS, restore
from conversations.services.storing import own_projects, store_chat
from librechat_backend.lib.errors import TooManyRequests
from librechat_backend.lib.json import JSONDict
from librechat_backend.lib.tasks import check_interruption
from presets.resolver import offer_for

AT_ONCE_MAX = 3
REPORTED_MAX = 100
REPORT_SECONDS = 1.0
KEPT = timedelta(days=30)
LONGEST = timedelta(days=1)
# Longer than any import takes: files nobody will ask for again.
FILES_KEPT_SECONDS = 7 * 86_400
# An archive may hold so many times the bytes a file may have.
UNPACKED_FACTOR = 10
# Of projects, prompts and the like.
PART_BYTES_MAX = 64 * 1024 * 1024
UNSUPPORTED = "Unsupported import type"  # words the client looks for
FAULT = "Something went wrong here. An administrator can see what it was, and try again."
GONE = "The uploaded file is gone. Please upload it again."
CHANGED = "It was changed or deleted while it was imported."

PROGRESS_COLUMNS = (
    "status", "byte_count", "bytes_read", "found", "added", "extended", "known", "skipped",
    "report", "problem", "finished_at",
)  # fmt: skip

Status = ChatImport.Status
log = structlog.get_logger(__name__)


class _PersonGone(Exception):
    """The import has been deleted, with the person it was for."""


@transaction.atomic
def create_import(*, user: User, path: Path, file_name: str) -> ChatImport:
    """Take over the file at ``path``. Raises TooManyRequests, OSError."""
    now = timezone.now()
    # What has not ended within a day never will, and keeps nobody from trying again.
    unfinished = ChatImport.objects.filter(
        user=user, status__in=[Status.WAITING, Status.RUNNING], created_at__gt=now - LONGEST
    )
    if unfinished.count() >= AT_ONCE_MAX:
        raise TooManyRequests("Too many conversation import requests. Try again later")
    ChatImport.objects.filter(user=user, created_at__lt=now - KEPT).delete()
    created = ChatImport(user=user, file_name=file_name[:FILE_NAME_MAX_LENGTH])
    created.created_at = now
    created.byte_count = path.stat().st_size
    directory = Path(settings.IMPORT_DIR)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    shutil.move(path, _path(created.pk))
    created.save(force_insert=True)
    return created


def run_import(*, import_id: str) -> None:
    """Take in what was uploaded; a second run goes on where the first ended.

    Raises Interrupted.
    """
    row = ChatImport.objects.select_related("user").filter(pk=import_id).first()
    remove_old_files()
    if row is None or row.status == Status.DONE:
        _path(import_id).unlink(missing_ok=True)
        return
    run = _Run(row)
    try:
        run.read()
    except FileNotFoundError:
        run.end(GONE)
    except Broken as error:
        run.end(str(error))
    except _PersonGone:
        log.info("import_without_owner", import_id=import_id)
    except Exception:
        run.end(FAULT)
        raise  # the file stays: the task can be run again
    else:
        run.end()
    _path(import_id).unlink(missing_ok=True)


def remove_old_files() -> None:
    directory = Path(settings.IMPORT_DIR)
    oldest = time.time() - FILES_KEPT_SECONDS
    if directory.is_dir():
        for path in directory.iterdir():
            if path.stat().st_mtime < oldest:
                path.unlink(missing_ok=True)


class _Run:
    """One reading of a file, counted in its row."""

    def __init__(self, row: ChatImport) -> None:
        self._row = row
        row.status, row.problem, row.report = Status.RUNNING, "", []
        row.found = row.added = row.extended = row.known = row.skipped = row.bytes_read = 0
        row.finished_at = None
        self._unsupported = 0
        self._next_report = 0.0
        self._offer = offer_for(row.user)
        self._projects = own_projects(row.user)

    def read(self) -> None:
        """Raises Broken, FileNotFoundError, Interrupted."""
        limit = settings.CONVERSATION_IMPORT_MAX_FILE_SIZE * UNPACKED_FACTOR
        files = chat_files(_path(self._row.pk), unpacked_max=limit)
        self._row.byte_count = sum(file.size for file in files)
        self._restore()
        before = 0
        for file in files:
            for found in read_elements(file.open, self._progress(before)):
                check_interruption()
                self._take(found)
            before += file.size

    def _restore(self) -> None:
        """What an archive of this server holds besides chats."""
        files = own_files(_path(self._row.pk), PARTS, size_max=PART_BYTES_MAX)
        restored = restore(user=self._row.user, files=files)
        self._projects |= restored.projects
        for title, reason in restored.refused:
            self._report({"number": 0, "title": title, "reason": reason})

    def end(self, problem: str = "") -> None:
        row = self._row
        row.problem = problem or self._nothing()
        row.status = Status.FAILED if row.problem else Status.DONE
        row.finished_at = timezone.now()
        self._save()

    def _nothing(self) -> str:
        """Why there was nothing to import; empty when there was."""
        row = self._row
        if row.found > row.skipped or not row.found:
            return ""
        if self._unsupported == row.found:
            return UNSUPPORTED
        return str(row.report[0]["reason"])

    def _take(self, found: Found) -> None:
        row = self._row
        row.found += 1
        try:
            chat = to_chat(found)
            stored = store_chat(
                user=row.user, chat=chat, offer=self._offer, projects=self._projects
            )
        except NotAChat as error:
            self._unsupported += isinstance(error, Unsupported)
            self._skip(found, str(error))
        except IntegrityError:
            self._skip(found, CHANGED)
        else:
            setattr(row, stored, getattr(row, stored) + 1)

    def _skip(self, found: Found, reason: str) -> None:
        row = self._row
        row.skipped += 1
        self._report({"number": row.found, "title": title_of(found), "reason": reason})

    def _report(self, entry: JSONDict) -> None:
        if len(self._row.report) < REPORTED_MAX:
            self._row.report.append(entry)

    def _progress(self, before: int) -> Callable[[int], None]:
        def report(byte_count: int) -> None:
            check_interruption()
            self._row.bytes_read = before + byte_count
            if time.monotonic() >= self._next_report:
                self._next_report = time.monotonic() + REPORT_SECONDS
                self._save()

        return report

    def _save(self) -> None:
        """Raises _PersonGone."""
        values = {name: getattr(self._row, name) for name in PROGRESS_COLUMNS}
        if not ChatImport.objects.filter(pk=self._row.pk).update(**values):
            raise _PersonGone


def _path(import_id: str) -> Path:
    return Path(settings.IMPORT_DIR) / import_id
