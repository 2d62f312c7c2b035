"""Context windows and output limits by model name. The only import site of genai_prices."""

from functools import cache

from providers.adapters import anthropic_models, google_wire

UNKNOWN_WINDOW_TOKENS = 32_000
_UNKNOWN_OUTPUT_TOKENS = 4_096
_DEMO_PREFIX = "demo-"
_MAKERS = {"anthropic", "cohere", "deepseek", "google", "mistral", "openai", "x-ai"}


@cache
def context_window(model: str) -> int:
    """Tokens; the longest known name contained in ``model`` decides (contract 02 §9.3)."""
    if model.startswith(_DEMO_PREFIX):
        return UNKNOWN_WINDOW_TOKENS
    name = model.lower()
    known = _windows()
    matches = [candidate for candidate in known if candidate in name]
    return known[max(matches, key=len)] if matches else UNKNOWN_WINDOW_TOKENS


@cache
def _windows() -> dict[str, int]:
    """Model id → window, from the package's own file; the network is never asked.

    Services that resell a model may cut its window: the first, its maker, wins.
    """
    from genai_prices.data import providers

    windows: dict[str, int] = {}
    for provider in sorted(providers, key=lambda provider: provider.id not in _MAKERS):
        for model in provider.models:
            if model.context_window:
                windows.setdefault(model.id.lower(), model.context_window)
    return windows


def max_output_tokens(kind: str, model: str) -> int:
    """What an answer may take when nobody sets a limit; an estimate for unknown services."""
    if kind == "anthropic":
        return anthropic_models.default_output_tokens(model)
    if kind == "google":
        return google_wire.default_output_tokens(model)
    return min(_UNKNOWN_OUTPUT_TOKENS, context_window(model) // 4)
