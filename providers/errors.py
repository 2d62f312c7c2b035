"""What can go wrong upstream, classified once. Pure."""

from dataclasses import dataclass
from enum import StrEnum


class ErrorKind(StrEnum):
    AUTHENTICATION = "authentication"
    PERMISSION = "permission"
    QUOTA = "quota"
    RATE_LIMIT = "rate_limit"
    CONTEXT_LENGTH = "context_length"
    CONTENT_FILTER = "content_filter"
    MODEL_NOT_FOUND = "model_not_found"
    INVALID_REQUEST = "invalid_request"
    TIMEOUT = "timeout"
    CONNECTION = "connection"
    UPSTREAM = "upstream"
    MALFORMED = "malformed"
    NO_CHANNEL = "no_channel"
    BUSY = "busy"
    ADDRESS = "address"
    LIMIT = "limit"
    BUDGET = "budget"
    UNPRICED = "unpriced"


# Another key or channel may succeed where these failed.
_RETRYABLE = {
    ErrorKind.AUTHENTICATION,
    ErrorKind.PERMISSION,
    ErrorKind.QUOTA,
    ErrorKind.RATE_LIMIT,
    ErrorKind.MODEL_NOT_FOUND,
    ErrorKind.TIMEOUT,
    ErrorKind.CONNECTION,
    ErrorKind.UPSTREAM,
    ErrorKind.MALFORMED,
    ErrorKind.BUSY,
    ErrorKind.ADDRESS,
    ErrorKind.UNPRICED,
}


@dataclass
class ProviderError(Exception):
    """``message`` may be shown to the person: it never holds a key. ``status`` 0: no answer."""

    kind: ErrorKind
    message: str
    status: int = 0
    retry_after_seconds: float | None = None

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}"

    @property
    def is_retryable(self) -> bool:
        """Whether another channel may be tried."""
        return self.kind in _RETRYABLE


_CONTEXT_PHRASES = (
    "context_length_exceeded", "context length", "context window", "prompt is too long",
    "maximum context", "too many tokens", "input token count", "input is too long",
)  # fmt: skip
_QUOTA_PHRASES = ("insufficient_quota", "exceeded your current quota", "credit balance", "billing")
_FILTER_PHRASES = (
    "content_filter", "content_policy", "content management policy", "safety", "flagged",
)  # fmt: skip
# A key may be good for other models.
_MODEL_PHRASES = ("model_not_found", "access to model", "access to the model")
# Of a message its first words: further on it may repeat what was asked.
_KEY_PHRASES = ("api key", "incorrect api key", "invalid api key", "missing api key", "no api key")
_BY_STATUS = {
    401: ErrorKind.AUTHENTICATION,
    402: ErrorKind.QUOTA,
    403: ErrorKind.PERMISSION,
    404: ErrorKind.MODEL_NOT_FOUND,
    408: ErrorKind.TIMEOUT,
    413: ErrorKind.CONTEXT_LENGTH,
    429: ErrorKind.RATE_LIMIT,
    504: ErrorKind.TIMEOUT,
}


def classify(status: int, detail: str) -> ErrorKind:
    """The kind of an error answer: by status first, by its words where a status is ambiguous."""
    words = detail.lower()
    if status in {402, 429} and _mentions(words, _QUOTA_PHRASES):
        return ErrorKind.QUOTA
    if status in {400, 413, 422} and _mentions(words, _CONTEXT_PHRASES):
        return ErrorKind.CONTEXT_LENGTH
    if status in {400, 403, 422} and _mentions(words, _FILTER_PHRASES):
        return ErrorKind.CONTENT_FILTER
    if status == 403 and _mentions(words, _MODEL_PHRASES):
        return ErrorKind.MODEL_NOT_FOUND
    if status == 400 and words.lstrip().startswith(_KEY_PHRASES):
        return ErrorKind.AUTHENTICATION
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return ErrorKind.INVALID_REQUEST if 400 <= status < 500 else ErrorKind.UPSTREAM


def _mentions(words: str, phrases: tuple[str, ...]) -> bool:
    return any(phrase in words for phrase in phrases)
