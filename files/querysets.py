"""Reads of files."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Exists, OuterRef, Q, Sum
from django.utils import timezone

if TYPE_CHECKING:
    from accounts.models import User
    from files.models import Blob, File  # noqa: F401

# Longer than any upload takes; afterwards its process must have died.
WRITING_TIME = timedelta(hours=24)


class BlobQuerySet(models.QuerySet["Blob"]):
    def wasted(self, now: datetime) -> BlobQuerySet:
        """Those no file has, except what is still being written."""
        from files.models import File

        is_written = ~Q(checksum="") | Q(created_at__lt=now - WRITING_TIME)
        return self.filter(is_written, ~Exists(File.objects.filter(blob=OuterRef("pk"))))


class FileQuerySet(models.QuerySet["File"]):
    def present(self) -> FileQuerySet:
        """Without those whose time is over, which may be some minutes away from being deleted."""
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=timezone.now()))

    def owned_by(self, user: User) -> FileQuerySet:
        return self.present().filter(user=user)

    def listed(self) -> FileQuerySet:
        """What the client's file panel shows; without the texts, which may be long."""
        return self.exclude(context="avatar").defer("text").order_by("-updated_at", "-id")

    def with_ids(self, file_ids: Iterable[str]) -> FileQuerySet:
        return self.filter(file_id__in=list(file_ids))

    def expired(self, moment: datetime) -> FileQuerySet:
        return self.filter(expires_at__lte=moment)

    def stored_bytes(self) -> int:
        """What they take in the storage, together."""
        return int(self.aggregate(total=Sum("blob__byte_count"))["total"] or 0)
