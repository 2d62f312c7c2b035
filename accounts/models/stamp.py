"""A stamp that changes with every change of who may use what.

Whatever is derived from the stamped tables may be kept in memory for as long as the stamp is the
same; so a change is seen by the next request of every process, and nothing expires by time.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import models, transaction

from librechat_backend.lib.ids import new_uuid


class AccessStamp(models.Model):
    """One row."""

    value = models.CharField(max_length=36)

    def __str__(self) -> str:
        return self.value


def current_stamp() -> str:
    """One query; empty while nothing was ever changed."""
    return AccessStamp.objects.values_list("value", flat=True).first() or ""


def renew_stamp() -> None:
    """Inside the transaction of the change, so that the two become visible together."""
    AccessStamp.objects.update_or_create(pk=1, defaults={"value": new_uuid()})


class StampedQuerySet(models.QuerySet[Any]):
    """Bulk writes renew the stamp, too."""

    def update(self, **kwargs: Any) -> int:
        with transaction.atomic():
            count = super().update(**kwargs)
            renew_stamp()
        return count

    def delete(self) -> tuple[int, dict[str, int]]:
        with transaction.atomic():
            deleted = super().delete()
            renew_stamp()
        return deleted

    def bulk_create(self, objs: Iterable[Any], *args: Any, **kwargs: Any) -> list[Any]:
        with transaction.atomic():
            created = super().bulk_create(objs, *args, **kwargs)
            renew_stamp()
        return created


class Stamped(models.Model):
    """Base of the tables the stamp stands for. Managers must be made of StampedQuerySet."""

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        with transaction.atomic():
            super().save(*args, **kwargs)
            renew_stamp()

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        with transaction.atomic():
            deleted = super().delete(*args, **kwargs)
            renew_stamp()
        return deleted
