"""The limits of who asks, before the first channel is asked."""

import math

from providers.errors import ErrorKind, ProviderError
from providers.route_table import Plan
from providers.trace import CallTrace
from usage.limits import LimitReached, acquire


class CallerLimited(ProviderError):
    """No other channel helps. ``reached`` says whose limit it is."""

    def __init__(self, reached: LimitReached) -> None:
        self.reached, seconds = reached, reached.retry_after_seconds
        wait = "" if seconds is None else f" Try again in {max(1, math.ceil(seconds))} seconds."
        super().__init__(ErrorKind.LIMIT, f"{reached}{wait}", 429, seconds)


async def enter(made: Plan, trace: CallTrace) -> None:
    """Once for a call, however many answers it asks for. Raises CallerLimited."""
    if trace.limits_for is None or trace.caller_grant is not None:
        return
    limits = trace.limits_for(made.attempts[0].name)
    if not limits:
        return
    try:
        trace.caller_grant = await acquire(limits, tokens=1)
    except LimitReached as reached:
        raise CallerLimited(reached) from reached
