"""What is counted, and how latencies are read from counts. Pure."""

from collections.abc import Sequence
from itertools import accumulate

# Milliseconds; what takes longer than the last is counted behind it.
BOUNDS_MS = (100, 250, 500, 1000, 1500, 2500, 4000, 6000, 10_000, 20_000, 60_000)
BUCKETS = len(BOUNDS_MS) + 1

DIMENSIONS = (
    "day", "user_id", "path", "preset", "model", "channel_id", "token_id", "face", "status",
)  # fmt: skip
SUMS = (
    "requests", "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens",
    "reasoning_tokens", "cost_credits", "unpriced", "zero_priced", "cache_hits", "errors",
    "first_token_ms", "total_ms",
)  # fmt: skip
FIRST = tuple(f"first_{n}" for n in range(BUCKETS))
TOTAL = tuple(f"total_{n}" for n in range(BUCKETS))
MEASURES = SUMS + FIRST + TOTAL

# How requests end that a model, or a cache, answered at least in part.
ANSWERED = ("ok", "partial", "stopped")
ERRORS = ("partial", "failed")


def quantile(counts: Sequence[int], share: float) -> int | None:
    """Milliseconds that ``share`` of what was counted stayed below; None: nothing was counted.

    Within a bucket the requests are taken to lie evenly, so the answer is off by no more than the
    width of the bucket. Beyond the last bound it is that bound.
    """
    total = sum(counts)
    if total == 0:
        return None
    wanted = share * total
    reached = list(accumulate(counts))
    bucket = next(n for n, count in enumerate(reached) if count >= wanted and count)
    if bucket == len(BOUNDS_MS):
        return BOUNDS_MS[-1]
    low = BOUNDS_MS[bucket - 1] if bucket else 0
    before = reached[bucket] - counts[bucket]
    return round(low + (BOUNDS_MS[bucket] - low) * (wanted - before) / counts[bucket])
