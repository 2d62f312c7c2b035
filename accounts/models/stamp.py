"""A stamp that changes with every change of who may use what.

Whatever is derived from the stamped tables may be kept in memory for as long as the stamp is the
same; so a change is seen by the next request of every process, and nothing expires by time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from django.db import models, transaction

from librechat_backend.lib.compiled import CompiledQuery
from librechat_backend.lib.ids import new_uuid

Row = TypeVar("Row", bound=models.Model, covariant=True)


class AccessStamp(models.Model):
    """One row."""

    value = models.CharField(max_length=36)

    def __str__(self) -> str:
        return self.value


def current_stamp() -> str:
    """One query; empty while nothing was ever changed."""
    return _CURRENT.first() or ""


_CURRENT = CompiledQuery(lambda: AccessStamp.objects.values_list("value", flat=True)[:1])


def renew_stamp() -> None:
    """Inside the transaction of the change, so that the two become visible together."""
    AccessStamp.objects.update_or_create(pk=1, defaults={"value": new_uuid()})


@contextmanager
def changing_rules() -> Iterator[None]:
    """A transaction in which nobody else changes who may use what.

    The stamp is renewed first: its row is the lock that changes wait for, always before any
    other, so what is checked inside is still true when it is committed.
    """
    with transaction.atomic():
        renew_stamp()
        yield


class StampedQuerySet(models.QuerySet[Row]):
    """Bulk writes renew the stamp, too."""

    def update(self, **kwargs: Any) -> int:
        with changing_rules():
            return super().update(**kwargs)

    def delete(self) -> tuple[int, dict[str, int]]:
        with changing_rules():
            return super().delete()

    def bulk_create(self, objs: Iterable[Any], *args: Any, **kwargs: Any) -> list[Row]:
        with changing_rules():
            return super().bulk_create(objs, *args, **kwargs)


class Stamped(models.Model):
    """Base of the tables the stamp stands for."""

    objects = StampedQuerySet.as_manager()

    class Meta:
        abstract = True
        # Related managers (``group.children.add``) write through the base manager.
        base_manager_name = "objects"

    def save(self, *args: Any, **kwargs: Any) -> None:
        with changing_rules():
            super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        with changing_rules():
            return super().delete(*args, **kwargs)
