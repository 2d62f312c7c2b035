"""What Prometheus may ask: counters over all people, never about one. The only import site of
prometheus_client.

Labels come from names the server knows; what a caller merely wrote is no label: of a name that only
fits a rule (``gpt-*``), the rule's shape is.
"""

import os
from functools import cache, lru_cache

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

from usage.entries import RequestEntry

CONTENT_TYPE = CONTENT_TYPE_LATEST
# Where the processes of one server put their figures together.
DIRECTORY_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"

_FIRST_TOKEN_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60)
_TOTAL_BUCKETS = (0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600)


class _Metrics:
    def __init__(self) -> None:
        self.requests = Counter(
            "librechat_requests",
            "Requests to models, by how they ended.",
            ["face", "operation", "provider", "model", "outcome"],
        )
        self.tokens = Counter(
            "librechat_tokens", "Tokens of requests to models.", ["face", "model", "direction"]
        )
        self.first_token = Histogram(
            "librechat_first_token_seconds",
            "Until the first word of an answer.",
            ["face"],
            buckets=_FIRST_TOKEN_BUCKETS,
        )
        self.total = Histogram(
            "librechat_request_seconds",
            "Until the end of an answer.",
            ["face"],
            buckets=_TOTAL_BUCKETS,
        )
        self.failed_attempts = Counter(
            "librechat_failed_attempts", "Calls of providers that failed.", ["channel", "error"]
        )


@cache
def _metrics() -> _Metrics:
    return _Metrics()


def observe(entry: RequestEntry) -> None:
    metrics = _metrics()
    model = _label(entry.model_pattern or entry.requested_model) if entry.endpoint else ""
    _requests(entry.face, entry.operation, entry.endpoint, model, entry.status).inc()
    if entry.tokens.input_tokens > 0:
        _tokens(entry.face, model, "input").inc(entry.tokens.input_tokens)
    if entry.tokens.output_tokens > 0:
        _tokens(entry.face, model, "output").inc(entry.tokens.output_tokens)
    first, total = _times(entry.face)
    if entry.first_token_ms is not None:
        first.observe(entry.first_token_ms / 1000)
    total.observe(entry.total_ms / 1000)
    for attempt in entry.attempts:
        if attempt["error"]:
            metrics.failed_attempts.labels(
                _label(attempt.get("channel", "")), _label(attempt["error"])
            ).inc()


# Finding the series of some labels takes longer than counting in it.
@lru_cache(maxsize=4096)
def _requests(*labels: str) -> Counter:
    return _metrics().requests.labels(*labels)


@lru_cache(maxsize=4096)
def _tokens(*labels: str) -> Counter:
    return _metrics().tokens.labels(*labels)


@cache
def _times(face: str) -> tuple[Histogram, Histogram]:
    return _metrics().first_token.labels(face), _metrics().total.labels(face)


def _label(text: str) -> str:
    """One unwritable character would make all figures unreadable."""
    return text.encode("utf-8", "replace").decode()


def exposition() -> bytes:
    """All figures in Prometheus' text format, of all processes of this server."""
    _metrics()
    if not os.environ.get(DIRECTORY_VARIABLE):
        return generate_latest()
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
