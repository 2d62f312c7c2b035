"""Budgets that are used up may name a preset that answers instead. Pure."""

from usage.ledger.refusals import SpendingRefused

MOST = 3


class Fallbacks:
    """Of one call that was to run on ``preset_slug``, empty for a model without a preset: at most
    three other presets, none twice."""

    def __init__(self, preset_slug: str) -> None:
        self._seen = [preset_slug]

    def after(self, refused: SpendingRefused) -> str:
        """The preset to go on with; empty: the refusal stands."""
        slug = refused.fallback_preset
        if slug in self._seen or len(self._seen) > MOST:
            return ""
        self._seen.append(slug)
        return slug


def words(asked: str, refused: SpendingRefused) -> str:
    """Why something else answered, for the log of requests."""
    return f"instead of {asked}: {refused}"
