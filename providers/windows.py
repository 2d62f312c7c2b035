"""Context windows and output limits by model name."""

from functools import lru_cache

from providers.adapters import anthropic_models, google_wire
from usage.published import known_windows

UNKNOWN_WINDOW_TOKENS = 32_000
_UNKNOWN_OUTPUT_TOKENS = 4_096
_DEMO_PREFIX = "demo-"
_MAKERS = frozenset({"anthropic", "cohere", "deepseek", "google", "mistral", "openai", "x-ai"})


def context_window(model: str) -> int:
    """Tokens; the longest known name contained in ``model`` decides (contract 02 §9.3)."""
    return known_window(model) or UNKNOWN_WINDOW_TOKENS


@lru_cache(maxsize=4096)
def known_window(model: str) -> int | None:
    if model.startswith(_DEMO_PREFIX):
        return UNKNOWN_WINDOW_TOKENS
    name = model.lower()
    known = known_windows(_MAKERS)
    matches = [candidate for candidate in known if candidate in name]
    return known[max(matches, key=len)] if matches else None


def max_output_tokens(kind: str, model: str) -> int:
    """What an answer may take when nobody sets a limit; an estimate for unknown services."""
    if kind == "anthropic":
        return anthropic_models.default_output_tokens(model)
    if kind == "google":
        return google_wire.default_output_tokens(model)
    return min(_UNKNOWN_OUTPUT_TOKENS, context_window(model) // 4)
