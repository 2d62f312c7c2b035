"""Pages by limit and offset (contract 01 §7)."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from django.db.models import Model, QuerySet
from rest_framework.request import Request

from librechat_backend.lib.limit_offset import limit_and_offset

M = TypeVar("M", bound=Model)


@dataclass(frozen=True, slots=True)
class Page(Generic[M]):
    rows: list[M]
    total: int
    limit: int
    offset: int


def page_of(rows: QuerySet[M], request: Request) -> Page[M]:
    """Two queries. Larger limits are cut to the largest. Raises InvalidFields."""
    limit, offset = limit_and_offset(request)
    return Page(list(rows[offset : offset + limit]), rows.count(), limit, offset)
