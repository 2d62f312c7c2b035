"""How full the context is, as the client's gauge reads it (contract 02 §4.9). Pure."""

from collections.abc import Sequence
from dataclasses import replace

from conversations.chat.events import ContextMeasured, TokensUsed
from librechat_backend.lib.json import JSONDict
from providers.types import Usage


def context_usage(event: ContextMeasured) -> JSONDict:
    """Each member of the breakdown is required: an incomplete one crashes the page (06 §5.4)."""
    instructions = event.instruction_tokens
    used = instructions + event.summary_tokens + event.message_tokens
    breakdown = {
        "maxContextTokens": event.window,
        "instructionTokens": instructions,
        "systemMessageTokens": instructions,
        "dynamicInstructionTokens": 0,
        "toolSchemaTokens": 0,
        "summaryTokens": event.summary_tokens,
        "toolCount": 0,
        "messageCount": event.message_count,
        "messageTokens": event.message_tokens,
        "availableForMessages": max(0, event.budget - instructions - event.summary_tokens),
    }
    return {
        "breakdown": breakdown,
        "contextBudget": event.budget,
        "effectiveInstructionTokens": instructions,
        "prePruneContextTokens": used + event.pruned_tokens,
        "remainingContextTokens": max(0, event.budget - used),
        "calibrationRatio": 1,
    }


def stored_context(event: ContextMeasured, usage: Usage | None) -> JSONDict:
    """The same, kept with the answer, so that the gauge is right after a reload.

    What the provider counted takes the place of what was estimated, as it does on the screen.
    """
    if usage is None:
        return {**context_usage(event), "completedOutputTokens": 0}
    told = max(0, usage.input_tokens - event.instruction_tokens - event.summary_tokens)
    counted = context_usage(replace(event, message_tokens=told)) if usage.input_tokens else None
    measured = counted or context_usage(event)
    return {**measured, "completedOutputTokens": usage.output_tokens}


def stored_usage(used: Sequence[TokensUsed]) -> JSONDict:
    """What all calls for an answer took; ``cost`` only where that of each is told.

    ``input`` without what came from a cache or went into one: the client adds them up.
    """
    usage: JSONDict = {
        "input": sum(_uncached(event) for event in used),
        "output": sum(event.output_tokens for event in used),
        "cacheWrite": sum(event.cache_write_tokens for event in used),
        "cacheRead": sum(event.cache_read_tokens for event in used),
    }
    costs = [event.cost_usd for event in used if event.cost_usd is not None]
    return {**usage, "cost": _whole_credits(costs)} if len(costs) == len(used) else usage


def usage_with_cost(usage: JSONDict | None, cost_usd: float | None) -> JSONDict:
    """``usage`` of an answer and what a call beside it cost."""
    known = {"input": 0, "output": 0, "cacheWrite": 0, "cacheRead": 0, "cost": 0, **(usage or {})}
    if cost_usd is None or (usage is not None and "cost" not in usage):
        return {name: value for name, value in known.items() if name != "cost"}
    return {**known, "cost": _whole_credits([known["cost"], cost_usd])}


def _uncached(event: TokensUsed) -> int:
    return max(0, event.input_tokens - event.cache_read_tokens - event.cache_write_tokens)


def _whole_credits(costs: Sequence[float]) -> float:
    """Sums of fractions stray by less than a credit."""
    return round(sum(costs), 6)
