"""The limits of a key, before a call and in the headers of its answer."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from gateway.errors import ApiError
from gateway.models import ApiToken
from usage.ledger.refusals import SpendingRefused
from usage.limits import Limit, LimitReached, Measure, Standing

_HEADER_NAMES = {
    measure: tuple(f"x-ratelimit-{what}-{name}" for what in ("limit", "remaining", "reset"))
    for measure, name in (
        (Measure.REQUESTS, "requests"),
        (Measure.TOKENS, "tokens"),
        (Measure.QUOTA, "quota-tokens"),
    )
}


class KeyLimits:
    """Those of one key; of a quota the window moves on."""

    def __init__(self, token: ApiToken) -> None:
        self._token, self._key = token, f"token:{token.id}"
        self._owner = f"The API key '{token.name}'"
        self._rates = self._limits(
            (Measure.REQUESTS, token.requests_per_minute), (Measure.TOKENS, token.tokens_per_minute)
        )
        self._places = self._limits((Measure.PARALLEL, token.parallel_requests))
        self._without_quota = (*self._rates, *self._places)

    def _limits(self, *amounts: tuple[Measure, int | None]) -> tuple[Limit, ...]:
        return tuple(
            Limit(self._key, measure, amount, self._owner)
            for measure, amount in amounts
            if amount is not None
        )

    def at(self, now: datetime) -> tuple[Limit, ...]:
        """Those that cost least to ask come first."""
        if self._token.quota_tokens is None:
            return self._without_quota
        return (*self._rates, self._quota(self._token.quota_tokens, now), *self._places)

    def _quota(self, amount: int, now: datetime) -> Limit:
        start, end = window_of(self._token.quota_window, now)
        key = f"{self._key}:{start:%Y-%m-%d}" if end else self._key
        return Limit(key, Measure.QUOTA, amount, self._owner, end)


def window_of(window: str, now: datetime) -> tuple[datetime, datetime | None]:
    """Beginning and end of the day, week or month of ``now``, in UTC; no end: in all."""
    day = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if window == ApiToken.QuotaWindow.DAY:
        return day, day + timedelta(days=1)
    if window == ApiToken.QuotaWindow.WEEK:
        monday = day - timedelta(days=day.weekday())
        return monday, monday + timedelta(weeks=1)
    if window == ApiToken.QuotaWindow.MONTH:
        first = day.replace(day=1)
        return first, (first + timedelta(days=32)).replace(day=1)
    return day, None


def refusal(reached: LimitReached) -> ApiError:
    is_quota = reached.limit.measure is Measure.QUOTA
    seconds = reached.retry_after_seconds
    headers = {} if seconds is None else {"Retry-After": str(max(1, math.ceil(seconds)))}
    if names := _HEADER_NAMES.get(reached.limit.measure):
        limit, remaining, reset = names
        headers |= {limit: str(reached.limit.amount), remaining: "0"}
        if seconds is not None:
            headers[reset] = _duration(seconds)
    code = "insufficient_quota" if is_quota else "rate_limit_exceeded"
    return ApiError(str(reached), status=429, code=code, headers=headers)


def unpaid(refused: SpendingRefused, now: datetime) -> ApiError:
    """402 where waiting does not help, else 429 and how long."""
    seconds = refused.retry_after_seconds(now)
    if seconds is None:
        return ApiError(str(refused), status=402, code="insufficient_quota")
    code = "rate_limit_exceeded" if refused.is_busy else "insufficient_quota"
    wait = {"Retry-After": str(max(1, math.ceil(seconds)))}
    return ApiError(str(refused), status=429, code=code, headers=wait)


def headers(standings: Sequence[Standing]) -> dict[str, str]:
    """In OpenAI's spelling; the reset is how long it takes until all is there again. Of several
    limits of one kind the tightest is told."""
    found = {}
    for standing in sorted(standings, key=lambda each: -each.left):
        names = _HEADER_NAMES.get(standing.limit.measure)
        if names is None:
            continue
        limit, remaining, reset = names
        found[limit], found[remaining] = str(standing.limit.amount), str(standing.left)
        if standing.limit.measure is not Measure.QUOTA:
            found[reset] = _duration(standing.full_in_seconds)
    return found


def _duration(seconds: float) -> str:
    return f"{seconds:.0f}s" if seconds >= 1 else f"{seconds * 1000:.0f}ms"
