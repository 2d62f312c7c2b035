"""Random requests, and their sums the slow and obvious way."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import strategies as st

from librechat_backend.lib.ids import new_object_id
from usage.analytics.measures import ANSWERED, ERRORS, SUMS
from usage.models import RequestLog

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
GROUPS = {1: "Company", 2: "Engineering", 3: "Backend", 4: "Sales"}
PATHS: tuple[list[int], ...] = ([], [1], [2, 1], [3, 2, 1], [3, 4, 2, 1], [4, 1])
PEOPLE = (None, "a" * 24, "b" * 24)

moments = st.builds(
    lambda seconds, hours: (BEGIN + timedelta(seconds=seconds)).astimezone(
        timezone(timedelta(hours=hours))
    ),
    st.one_of(st.sampled_from([0, 86_399, 86_400]), st.integers(0, 3 * 86_400)),
    st.integers(-11, 13),
)
tokens = st.integers(0, 5000)
requests = st.fixed_dictionaries(
    {
        "created_at": moments,
        "user_id": st.sampled_from(PEOPLE),
        "groups": st.sampled_from(PATHS).map(
            lambda path: [{"id": each, "name": GROUPS[each]} for each in path]
        ),
        "preset_slug": st.sampled_from(["", "writer", "coder"]),
        "requested_model": st.sampled_from(["m1", "m2"]),
        "served_model": st.sampled_from(["", "m1", "m3"]),
        "channel_id": st.sampled_from(["", "c1"]),
        "token_id": st.sampled_from(["", "t1"]),
        "face": st.sampled_from(["chat", "api"]),
        "status": st.sampled_from(["ok", "ok", "partial", "stopped", "failed", "refused"]),
        "cache": st.sampled_from(["", "", "exact"]),
        "cost_credits": st.one_of(st.none(), st.just(0), st.integers(1, 10**9)),
        "input_tokens": tokens,
        "output_tokens": tokens,
        "cache_read_tokens": tokens,
        "cache_write_tokens": tokens,
        "reasoning_tokens": tokens,
        "first_token_ms": st.one_of(st.none(), st.integers(0, 70_000)),
        "total_ms": st.integers(0, 120_000),
    }
)


def log(rows: Iterable[dict[str, Any]]) -> None:
    made = [RequestLog(id=new_object_id(), operation="chat", **row) for row in rows]
    RequestLog.objects.bulk_create(made)


def dimensions_of(row: dict[str, Any]) -> tuple[Any, ...]:
    return (
        row["created_at"].astimezone(UTC).date(), row["user_id"],
        tuple(group["id"] for group in row["groups"]), row["preset_slug"],
        row["served_model"] or row["requested_model"], row["channel_id"], row["token_id"],
        row["face"], row["status"],
    )  # fmt: skip


def sums_of(row: dict[str, Any]) -> Counter[str]:
    is_answered = row["status"] in ANSWERED
    return Counter(
        {
            "requests": 1,
            **{name: row[name] for name in SUMS if name.endswith("_tokens")},
            "cost_credits": row["cost_credits"] or 0,
            "unpriced": int(is_answered and row["cost_credits"] is None),
            "zero_priced": int(is_answered and row["cost_credits"] == 0),
            "cache_hits": int(row["cache"] != ""),
            "errors": int(row["status"] in ERRORS),
            "first_token_ms": row["first_token_ms"] or 0,
            "total_ms": row["total_ms"] if is_answered else 0,
        }
    )


def added_up(rows: Iterable[dict[str, Any]], key: Any = dimensions_of) -> dict[Any, dict[str, int]]:
    """``key`` of each row → its sums, all of them."""
    found: dict[Any, Counter[str]] = {}
    for row in rows:
        found.setdefault(key(row), Counter()).update(sums_of(row))
    return {each: {name: sums[name] for name in SUMS} for each, sums in found.items()}
