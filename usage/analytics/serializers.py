"""What was used, as answers of the API."""

from collections.abc import Iterable, Sequence
from typing import Any

from librechat_backend.lib.json import JSONDict
from librechat_backend.lib.times import to_iso
from usage.analytics.asked import Asked
from usage.analytics.measures import FIRST, TOTAL, quantile
from usage.analytics.reading import Sums
from usage.analytics.tables import Row
from usage.models import RequestLog


def page_to_wire(
    asked: Asked, rows: Sequence[Row], totals: Sums, *, total: int, limit: int, offset: int
) -> JSONDict:
    return {
        "from": str(asked.selection.begin),
        "to": str(asked.selection.end),
        "groupBy": asked.grouping,
        "totals": sums_to_wire(totals),
        "usage": [
            {"key": _key(row.key), "name": row.label, **sums_to_wire(row.sums)} for row in rows
        ],
        "total": total,
        "limit": limit,
        "offset": offset,
    }


def _key(value: Any) -> str | None:
    return None if value is None else str(value)


def sums_to_wire(sums: Sums) -> JSONDict:
    """Tokens and requests counted, costs in credits (1,000,000 are 1 USD), times in ms."""
    return {
        "requests": sums["requests"],
        "inputTokens": sums["input_tokens"],
        "outputTokens": sums["output_tokens"],
        "cacheReadTokens": sums["cache_read_tokens"],
        "cacheWriteTokens": sums["cache_write_tokens"],
        "reasoningTokens": sums["reasoning_tokens"],
        "costCredits": sums["cost_credits"],
        "unpricedRequests": sums["unpriced"],
        "zeroPricedRequests": sums["zero_priced"],
        "cacheHits": sums["cache_hits"],
        "errors": sums["errors"],
        "firstTokenMs": _quantiles(sums, FIRST),
        "totalMs": _quantiles(sums, TOTAL),
    }


def _quantiles(sums: Sums, names: Iterable[str]) -> JSONDict:
    counts = [sums[name] for name in names]
    return {"p50": quantile(counts, 0.5), "p95": quantile(counts, 0.95)}


def request_to_wire(row: RequestLog) -> JSONDict:
    """For who made it: the operator's channels and keys are not theirs to know."""
    return {
        "id": row.pk,
        "createdAt": to_iso(row.created_at),
        "face": row.face,
        "operation": row.operation,
        "status": row.status,
        "preset": row.preset_slug,
        "model": row.served_model or row.requested_model,
        "key": row.token_id,
        "keyName": row.token_name,
        "conversationId": row.conversation_id,
        "inputTokens": row.input_tokens,
        "outputTokens": row.output_tokens,
        "cacheReadTokens": row.cache_read_tokens,
        "cacheWriteTokens": row.cache_write_tokens,
        "reasoningTokens": row.reasoning_tokens,
        "costCredits": row.cost_credits,
        "isEstimated": row.is_estimated,
        "isCached": bool(row.cache),
        "firstTokenMs": row.first_token_ms,
        "totalMs": row.total_ms,
    }
