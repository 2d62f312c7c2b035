"""What every view of this app reads from its request."""

from typing import cast

from rest_framework.request import Request

from accounts.models import User
from librechat_backend.lib.json import JSONDict

PAGE_SIZE = 25
PAGE_SIZE_MAX = 100


def owner_of(request: Request) -> User:
    """The caller; views that need a sign-in have no other."""
    return cast(User, request.user)


def body_of(request: Request) -> JSONDict:
    """The body when it is an object; whatever else it is counts as an empty one."""
    return request.data if isinstance(request.data, dict) else {}


def page_size(text: str) -> int:
    try:
        return max(1, min(int(text), PAGE_SIZE_MAX))
    except ValueError:
        return PAGE_SIZE


def without_nul(text: str) -> str:
    """Of a query; bodies have none."""
    return text.replace("\x00", "")  # PostgreSQL takes it nowhere
