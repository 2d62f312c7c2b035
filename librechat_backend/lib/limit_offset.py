"""Which part of a list a request asks for, where it says so by ``limit`` and ``offset``."""

from rest_framework.request import Request

from librechat_backend.lib.errors import InvalidFields

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
# Databases take no larger one.
_MAX_OFFSET = 2**31 - 1


def limit_and_offset(request: Request) -> tuple[int, int]:
    """Larger limits are cut to the largest. Raises InvalidFields."""
    limit = min(_number(request, "limit", DEFAULT_LIMIT, least=1), MAX_LIMIT)
    return limit, min(_number(request, "offset", 0, least=0), _MAX_OFFSET)


def _number(request: Request, name: str, default: int, *, least: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 19 and int(text) >= least):
        raise InvalidFields({name: [f"Enter a whole number from {least} on."]})
    return int(text)
