"""Pages by limit and offset (contract 01 §7)."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from django.db.models import Model, QuerySet
from rest_framework.request import Request

from librechat_backend.lib.errors import InvalidFields

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
# Databases take no larger one.
_MAX_OFFSET = 2**31 - 1
M = TypeVar("M", bound=Model)


@dataclass(frozen=True, slots=True)
class Page(Generic[M]):
    rows: list[M]
    total: int
    limit: int
    offset: int


def page_of(rows: QuerySet[M], request: Request) -> Page[M]:
    """Two queries. Larger limits are cut to the largest. Raises InvalidFields."""
    limit = min(_number(request, "limit", DEFAULT_LIMIT, least=1), MAX_LIMIT)
    offset = min(_number(request, "offset", 0, least=0), _MAX_OFFSET)
    return Page(list(rows[offset : offset + limit]), rows.count(), limit, offset)


def _number(request: Request, name: str, default: int, *, least: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 19 and int(text) >= least):
        raise InvalidFields({name: [f"Enter a whole number from {least} on."]})
    return int(text)
