"""What every view of this app reads from its request."""

from collections.abc import Mapping
from typing import cast

from django.http import QueryDict
from rest_framework.request import Request

from accounts.models import User
from librechat_backend.lib.errors import InvalidRequest
from librechat_backend.lib.json import JSONDict
from librechat_backend.lib.pagination import Key, Keyset

PAGE_SIZE = 25
PAGE_SIZE_MAX = 100


def owner_of(request: Request) -> User:
    """The caller; views that need a sign-in have no other."""
    return cast(User, request.user)


def body_of(request: Request) -> JSONDict:
    """The body when it is an object; whatever else it is counts as an empty one."""
    return request.data if isinstance(request.data, dict) else {}


def page_size(text: str, default: int = PAGE_SIZE) -> int:
    try:
        return max(1, min(int(text), PAGE_SIZE_MAX))
    except ValueError:
        return default


def keyset(query: QueryDict, sorts: Mapping[str, tuple[Key, ...]], *, default: str) -> Keyset:
    """The order ``sortBy`` and ``sortDirection`` name. Raises InvalidRequest."""
    keys = sorts.get(query.get("sortBy") or default)
    if keys is None:
        raise InvalidRequest(f"sortBy must be one of {', '.join(sorts)}", key="error")
    return Keyset(keys, is_descending=query.get("sortDirection") != "asc")


def is_true(text: str) -> bool:
    """Of a query; contract 03 §0.2."""
    return text.strip().lower() == "true"


def without_nul(text: str) -> str:
    """Of a query; bodies have none."""
    return text.replace("\x00", "")  # PostgreSQL takes it nowhere
