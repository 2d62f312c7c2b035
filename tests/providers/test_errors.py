from typing import Any

import pytest

from providers.adapters.failures import error_detail, failure, frame_failure, status_failure
from providers.base import Connection
from providers.errors import ErrorKind, classify


@pytest.mark.parametrize(
    ("status", "words", "kind"),
    [
        (400, "This model's maximum context length is 8192", ErrorKind.CONTEXT_LENGTH),
        (400, "prompt is too long: 210000 tokens", ErrorKind.CONTEXT_LENGTH),
        (400, "blocked by content_filter", ErrorKind.CONTENT_FILTER),
        (400, "API key not valid. Please pass a valid API key.", ErrorKind.AUTHENTICATION),
        (400, "Incorrect API key provided: sk-1.", ErrorKind.AUTHENTICATION),
        (400, "Unsupported value: temperature", ErrorKind.INVALID_REQUEST),
        (400, "Invalid value: 'invalid api key'.", ErrorKind.INVALID_REQUEST),
        (401, "no", ErrorKind.AUTHENTICATION),
        (402, "pay first", ErrorKind.QUOTA),
        (403, "not allowed", ErrorKind.PERMISSION),
        (403, "Your input was flagged for violence.", ErrorKind.CONTENT_FILTER),
        (
            403,
            "Project p does not have access to model m model_not_found",
            ErrorKind.MODEL_NOT_FOUND,
        ),
        (404, "no such model", ErrorKind.MODEL_NOT_FOUND),
        (429, "slow down", ErrorKind.RATE_LIMIT),
        (429, "insufficient_quota", ErrorKind.QUOTA),
        (504, "gateway", ErrorKind.TIMEOUT),
        (529, "overloaded", ErrorKind.UPSTREAM),
    ],
)
def test_error_answers_have_one_kind(status: int, words: str, kind: ErrorKind) -> None:
    assert classify(status, words) == kind


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (
            {"type": "overloaded_error", "message": "Overloaded"},
            ErrorKind.UPSTREAM,
            "The provider failed: Overloaded",
        ),
        (
            {"code": "rate_limit_exceeded", "message": "Slow down"},
            ErrorKind.RATE_LIMIT,
            "The provider's rate limit was reached: Slow down",
        ),
        (
            {"code": "insufficient_quota", "message": "Pay"},
            ErrorKind.QUOTA,
            "The account's quota at the provider is used up: Pay",
        ),
        (
            {"code": "context_length_exceeded", "message": "Too much"},
            ErrorKind.CONTEXT_LENGTH,
            "The conversation is too long for this model: Too much",
        ),
        (
            {"code": 401, "message": "Who?"},
            ErrorKind.AUTHENTICATION,
            "The provider refused the API key: Who?",
        ),
        (
            {"code": 1302, "type": "rate_limit_error", "message": "Slow down"},
            ErrorKind.RATE_LIMIT,
            "The provider's rate limit was reached: Slow down",
        ),
        ({"code": [2], "message": "Oh"}, ErrorKind.UPSTREAM, "The provider failed: Oh"),
        ("plain words", ErrorKind.UPSTREAM, "The provider failed: plain words"),
        ({}, ErrorKind.UPSTREAM, "The provider failed."),
    ],
)
def test_error_frames_are_classified(error: Any, kind: ErrorKind, message: str) -> None:
    failure = frame_failure(error)
    assert (failure.kind, failure.message) == (kind, message)


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"error": {"message": "a"}}, "a"),
        ({"error": "b"}, "b"),
        ({"message": "c"}, "c"),
        ({"detail": "d"}, "d"),
        ({"detail": [{"message": "e"}]}, "e"),
        ([{"error": {"message": "f"}}], "f"),
        ({"success": False, "errors": [{"code": 1, "message": "g"}]}, "g"),
        ("<html>", "<html>"),
        (None, ""),
    ],
)
def test_message_is_found_in_the_usual_places(body: Any, detail: str) -> None:
    assert error_detail(body) == detail


@pytest.mark.parametrize("code", [2**63, 10**30, -1, 0, 99999, True, 1.5, "429", None, [1]])
def test_status_is_one_of_http_whatever_the_provider_counts(code: Any) -> None:
    assert frame_failure({"code": code, "message": "m"}).status == 500
    assert status_failure(code, {}, {}, Connection("http://x", "")).status == 500


def test_message_can_be_stored_whatever_the_provider_sent() -> None:
    assert failure(ErrorKind.UPSTREAM, "a\x00b \ud83d").message == "The provider failed: ab \ufffd"


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ("7", 7.0), ("0.5", 0.5), ("-3", 0.0), ("1e308", 86_400.0), ("inf", None), ("nan", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("", None),
    ],
)  # fmt: skip
def test_wait_a_service_asks_for_is_a_day_at_most(told: str, seconds: float | None) -> None:
    error = status_failure(429, {}, {"retry-after": told}, Connection("http://x", ""))
    assert error.retry_after_seconds == seconds
