"""From what an SDK or a service says to a ProviderError whose message a person may read."""

from collections.abc import Mapping
from math import isfinite
from typing import TypeGuard

from librechat_backend.lib.json import JSONDict, JSONValue, storable_text
from providers.base import Connection
from providers.errors import ErrorKind, ProviderError, classify

_DETAIL_LIMIT_CHARACTERS = 300

_LEADS = {
    ErrorKind.AUTHENTICATION: "The provider refused the API key",
    ErrorKind.PERMISSION: "The provider denied access",
    ErrorKind.QUOTA: "The account's quota at the provider is used up",
    ErrorKind.RATE_LIMIT: "The provider's rate limit was reached",
    ErrorKind.CONTEXT_LENGTH: "The conversation is too long for this model",
    ErrorKind.CONTENT_FILTER: "The provider's content filter stopped the request",
    ErrorKind.MODEL_NOT_FOUND: "The provider does not know this model",
    ErrorKind.INVALID_REQUEST: "The provider refused the request",
    ErrorKind.TIMEOUT: "The provider did not answer in time",
    ErrorKind.CONNECTION: "The connection to the provider failed",
    ErrorKind.UPSTREAM: "The provider failed",
    ErrorKind.MALFORMED: "The provider sent an answer that cannot be read",
}
LONGEST_RETRY_SECONDS = 86_400.0
REDIRECTS = "it sends on to another address, which is not followed"

# Error frames in a stream carry no status; their type or code stands for one.
_STATUS_BY_TYPE = {
    "api_error": 500,
    "authentication_error": 401,
    "billing_error": 402,
    "context_length_exceeded": 400,
    "insufficient_quota": 429,
    "invalid_api_key": 401,
    "invalid_request_error": 400,
    "not_found_error": 404,
    "model_not_found": 404,
    "overloaded_error": 529,
    "permission_error": 403,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "request_too_large": 413,
    "server_error": 500,
    "timeout_error": 504,
}


def failure(kind: ErrorKind, detail: str = "", status: int = 0) -> ProviderError:
    """``detail`` is the provider's own message."""
    short = " ".join(storable_text(detail).split())[:_DETAIL_LIMIT_CHARACTERS]
    lead = _LEADS[kind]
    return ProviderError(kind, f"{lead}: {short}" if short else f"{lead}.", status=status)


def without_key(error: ProviderError, connection: Connection) -> ProviderError:
    """Some services repeat the key in their message."""
    if connection.api_key:
        error.message = error.message.replace(connection.api_key, "[key]")
    return error


def status_failure(
    status: int, body: JSONValue, headers: Mapping[str, str], connection: Connection
) -> ProviderError:
    """For an answer with an error status; ``body`` is what was parsed of it, or text."""
    status = status if _is_status(status) else 500  # the body's own number, in Gemini's streams
    if 300 <= status < 400:
        return failure(ErrorKind.UPSTREAM, REDIRECTS, status)
    words = _error_words(body)
    # Redacted before it is shortened: half a key is still a secret.
    shown = _hide(error_detail(body), connection)
    error = failure(classify(status, words), shown, status)
    error.retry_after_seconds = _seconds(headers.get("retry-after", ""))
    return error


def frame_failure(error: JSONValue) -> ProviderError:
    """For an error that arrives inside a stream: the value of its ``error`` member."""
    status = _frame_status(error)
    return failure(classify(status, _error_words(error)), error_detail(error), status)


def error_detail(body: JSONValue) -> str:
    """The message in an error body, in whichever of the usual places it is."""
    if isinstance(body, list) and body:
        return error_detail(body[0])
    if not isinstance(body, dict):
        return body if isinstance(body, str) else ""
    for name in ("error", "message", "detail", "errors"):
        if body.get(name):
            return error_detail(body[name])
    return ""


def _hide(detail: str, connection: Connection) -> str:
    return detail.replace(connection.api_key, "[key]") if connection.api_key else detail


def _error_words(body: JSONValue) -> str:
    """The message with code and type, for the classifier."""
    error = body.get("error", body) if isinstance(body, dict) else body
    fields: JSONDict = error if isinstance(error, dict) else {}
    return f"{error_detail(body)} {fields.get('code') or ''} {fields.get('type') or ''}"


def _frame_status(error: JSONValue) -> int:
    """Many services count their errors in numbers of their own: these stand for nothing."""
    fields: JSONDict = error if isinstance(error, dict) else {}
    code = fields.get("code")
    if _is_status(code):
        return code
    for name in (code, fields.get("type")):
        if isinstance(name, str) and name in _STATUS_BY_TYPE:
            return _STATUS_BY_TYPE[name]
    return 500


def _is_status(code: JSONValue) -> TypeGuard[int]:
    return type(code) is int and 100 <= code <= 599


def _seconds(retry_after: str) -> float | None:
    """A day at most; None for a date: services send seconds."""
    try:
        seconds = float(retry_after)
    except ValueError:
        return None
    return min(max(seconds, 0.0), LONGEST_RETRY_SECONDS) if isfinite(seconds) else None
