"""How much space files take: by storage, by kind, by person."""

from dataclasses import dataclass

from django.db.models import Count, QuerySet, Sum

from files.models import Blob, File
from files.services.cleaning import Cleaned, count_waste

SHOWN = 8


@dataclass(frozen=True, slots=True)
class Share:
    """``file_count`` files, or stored objects, and what they take."""

    name: str
    file_count: int
    byte_count: int


@dataclass(frozen=True, slots=True)
class Space:
    """``by_type`` and ``by_person`` are the largest SHOWN."""

    by_storage: list[Share]
    by_type: list[Share]
    by_person: list[Share]
    unreadable: int
    waste: Cleaned


def used_space() -> Space:
    """Seven queries."""
    files = File.objects.order_by()
    return Space(
        by_storage=[
            Share(Blob.Storage(name).label, count, total or 0)
            for name, count, total in Blob.objects.order_by()
            .values_list("storage")
            .annotate(count=Count("pk"), total=Sum("byte_count"))
        ],
        by_type=_shares(files, "media_type"),
        by_person=_shares(files, "user__email"),
        unreadable=files.filter(text_state=File.TextState.FAILED).count(),
        waste=count_waste(),
    )


def _shares(files: QuerySet[File], column: str) -> list[Share]:
    rows = files.values_list(column).annotate(count=Count("pk"), total=Sum("blob__byte_count"))
    return [
        Share(name, count, total or 0) for name, count, total in rows.order_by("-total")[:SHOWN]
    ]
