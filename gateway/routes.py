"""Why a request goes where it goes: every channel with its place in the plan, or the reason why
it has none.
"""

from gateway.calls import Call
from gateway.catalog import Entry
from librechat_backend.lib.json import JSONDict
from providers.client import conditions
from providers.route_table import Plan
from providers.routing import Candidate, Skip, consider


def explain(entry: Entry, call: Call, plan: Plan) -> JSONDict:
    """Channels are named; keys and addresses are not shown to callers."""
    order: dict[tuple[str, str], int] = {}
    for attempt in plan.attempts:
        order.setdefault((attempt.channel.id, attempt.name), len(order) + 1)
    found = consider(call.caller.table, call.route_query(), conditions())
    shown = [c for c in found if not c.is_fallback or c.skip in {None, Skip.RESTING}]
    candidates = [_candidate(c, order.get((c.channel.id, c.name))) for c in shown]
    candidates.sort(key=lambda each: (each["order"] is None, each["order"] or 0))
    chosen = plan.attempts[0] if plan.attempts else None
    return {
        "resolved_model": chosen.name if chosen else entry.model,
        "endpoint": entry.endpoint.name,
        "preset": entry.preset.slug if entry.preset else None,
        "matched": _matched(entry, call, found),
        "is_callable": chosen is not None,
        "chosen": {"channel": chosen.channel.name, "model": chosen.model} if chosen else None,
        "candidates": candidates,
    }


def _matched(entry: Entry, call: Call, found: list[Candidate]) -> str:
    if entry.preset is not None:
        return "preset"
    if entry.model in call.caller.table.aliases:
        return "alias"
    return next((f"rule {c.by_rule}" for c in found if c.by_rule), "model")


def _candidate(candidate: Candidate, order: int | None) -> JSONDict:
    channel = candidate.channel
    return {
        "channel": channel.name,
        "provider": channel.kind,
        "model": candidate.name,
        "priority": channel.priority,
        "weight": channel.weight,
        "is_fallback": candidate.is_fallback,
        "order": order,
        "skipped": str(candidate.skip) if candidate.skip else None,
        "rests_seconds": round(candidate.rests_seconds, 1),
    }
