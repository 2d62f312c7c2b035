"""Trying one channel and key after the other until one has begun to answer."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

import structlog

from librechat_backend.lib.aio import in_database
from providers import caller_limits
from providers.errors import ErrorKind, ProviderError
from providers.health import board
from providers.route_table import Attempt, ChannelSnapshot, Plan, RouteTable
from providers.snapshots import current_table
from providers.trace import CallTrace
from usage.ledger.purse import Unpriced, is_of_channel
from usage.ledger.refusals import SpendingRefused
from usage.limits import Grant, Limit, LimitReached, Measure, acquire

log = structlog.get_logger(__name__)

T = TypeVar("T")
Begin = Callable[[Attempt], Awaitable[T]]

# Another key of the same channel helps against these, but not against a service that is down.
_KEY_ERRORS = {
    ErrorKind.AUTHENTICATION,
    ErrorKind.MODEL_NOT_FOUND,
    ErrorKind.PERMISSION,
    ErrorKind.QUOTA,
    ErrorKind.RATE_LIMIT,
}
# Another channel of the same model would say the same.
_OTHER_MODEL_ERRORS = {ErrorKind.CONTEXT_LENGTH, ErrorKind.CONTENT_FILTER}


class OverBudget(ProviderError):
    """Nobody was asked: ``refused`` says which budget has too little. Of kind BUSY it is the
    channel's, and another channel may be paid."""

    def __init__(self, refused: SpendingRefused, kind: ErrorKind = ErrorKind.BUSY) -> None:
        wait = refused.retry_after_seconds(datetime.now(UTC))
        super().__init__(kind, str(refused), status=429, retry_after_seconds=wait)
        self.refused = refused


class NotPaid(OverBudget):
    """A budget of the caller's or the balance has too little."""

    def __init__(self, refused: SpendingRefused) -> None:
        super().__init__(refused, ErrorKind.BUDGET)


async def first_to_begin(made: Plan, begin: Begin[T], *, trace: CallTrace, what: str) -> T:
    """What ``begin`` returns for the first attempt it succeeds with.

    ``begin`` returns when the answer has begun for good: from then on nothing is tried again.
    Where all fail, raises the first ProviderError, which is that of the model asked for;
    NO_CHANNEL, naming ``what``, where there is nothing to try; CallerLimited; NotPaid where it
    cannot be paid.
    """
    if not made.attempts:
        raise ProviderError(ErrorKind.NO_CHANNEL, f"No active channel serves {what}.")
    await caller_limits.enter(made, trace)
    if board.is_stale():
        await in_database(board.reread)
    attempts, first_error = Attempts(made, trace.user_id), None
    async for attempt in attempts:
        unpaid = await pay(attempt, trace)
        trace.begin(attempt)
        try:
            if unpaid is not None:
                raise unpaid
            if limits := channel_limits(attempt.channel):
                trace.grant = await _leave_for(limits)
            if trace.on_entry is not None:
                trace.on_entry()
            begun = await begin(attempt)
        except ProviderError as error:
            first_error = first_error or error
            trace.fail(error)
            trace.leave_channel()
            log_failure(attempt, error, has_begun=False)
            await attempts.failed(attempt, error)
        else:
            if board.note_success(attempt, trace.user_id):
                await in_database(board.recover, attempt)
            return begun
    assert first_error is not None  # noqa: S101 - the first attempt is always made
    raise first_error


async def pay(attempt: Attempt, trace: CallTrace) -> ProviderError | None:
    """Put aside what the attempt may cost; why this channel is passed over. Raises NotPaid."""
    purse, channel = trace.purse, attempt.channel
    if purse is None:
        return None
    try:
        await purse.cover(
            model=attempt.model, kind=channel.kind, channel_id=channel.id, channel_name=channel.name
        )
    except Unpriced as unpriced:
        return ProviderError(ErrorKind.UNPRICED, str(unpriced))
    except SpendingRefused as refused:
        if not is_of_channel(refused):
            raise NotPaid(refused) from refused
        return OverBudget(refused)
    return None


async def _leave_for(limits: Sequence[Limit]) -> Grant:
    """Raises ProviderError of kind BUSY where a channel's own limits are reached."""
    try:
        return await acquire(limits, tokens=1)
    except LimitReached as reached:
        error = ProviderError(ErrorKind.BUSY, f"{reached}", status=429)
        error.retry_after_seconds = reached.retry_after_seconds
        raise error from reached


def channel_limits(channel: ChannelSnapshot) -> list[Limit]:
    amounts = (
        (Measure.PARALLEL, channel.parallel_requests),
        (Measure.REQUESTS, channel.requests_per_minute),
        (Measure.TOKENS, channel.tokens_per_minute),
    )
    return [
        Limit(f"channel:{channel.id}", measure, amount, owner="The channel of this model")
        for measure, amount in amounts
        if amount is not None
    ]


class Attempts:
    """Attempts in order, for ``user_id``; tell it of each failure before asking for the next."""

    def __init__(self, made: Plan, user_id: str) -> None:
        self._plan, self._user_id = made, user_id
        self._pending = list(made.attempts)
        self._put_off: set[tuple[str, str]] = set()
        self._is_special = False

    def __aiter__(self) -> "Attempts":
        return self

    async def __anext__(self) -> Attempt:
        while self._pending:
            attempt = self._pending.pop(0)
            if await self._is_ours_to_try(attempt):
                return attempt
            self._put_off.add((attempt.channel.id, attempt.key.id))
            self._pending.append(attempt)
        raise StopAsyncIteration

    async def failed(self, attempt: Attempt, error: ProviderError) -> None:
        if board.note_failure(attempt, error, self._user_id):
            await in_database(board.rest, attempt, error)
        self._pending = self._after(attempt, error)
        if self._pending:
            self._pending = _still_usable(self._pending, await in_database(current_table))

    async def _is_ours_to_try(self, attempt: Attempt) -> bool:
        """One call at a time tries a rested key, while the others have something else to try."""
        was_put_off = (attempt.channel.id, attempt.key.id) in self._put_off
        if not self._pending or was_put_off or not board.needs_probe(attempt):
            return True
        return await in_database(board.claim_probe, attempt)

    def _after(self, failed: Attempt, error: ProviderError) -> list[Attempt]:
        if error.kind in _OTHER_MODEL_ERRORS:
            return self._for_other_models(failed, error)
        if not error.is_retryable:
            return []
        return self._pending if error.kind in _KEY_ERRORS else _without(self._pending, failed)

    def _for_other_models(self, failed: Attempt, error: ProviderError) -> list[Attempt]:
        if self._is_special:
            return _without(self._pending, failed)
        self._is_special = True
        is_length = error.kind == ErrorKind.CONTEXT_LENGTH
        return list(self._plan.if_too_long if is_length else self._plan.if_filtered)


def _without(pending: Sequence[Attempt], failed: Attempt) -> list[Attempt]:
    """Not the same model of the same channel with another key."""
    same = (failed.channel.id, failed.name)
    return [attempt for attempt in pending if (attempt.channel.id, attempt.name) != same]


def _still_usable(pending: Sequence[Attempt], table: RouteTable) -> list[Attempt]:
    """What was switched off while we were trying is not called any more."""
    usable = {(channel.id, key.id) for channel in table.channels for key in channel.keys}
    return [attempt for attempt in pending if (attempt.channel.id, attempt.key.id) in usable]


def log_failure(attempt: Attempt, error: ProviderError, *, has_begun: bool) -> None:
    log.warning(
        "provider_attempt_failed",
        channel=attempt.channel.name,
        key_id=attempt.key.id,
        model=attempt.model,
        kind=error.kind,
        status=error.status,
        has_begun=has_begun,
    )
