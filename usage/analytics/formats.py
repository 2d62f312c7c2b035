"""Figures as people read them. Pure."""

CREDITS_PER_USD = 1_000_000


def usd(credits: int) -> str:
    """``$1,234.50``; small amounts with as many places as tell something."""
    amount = credits / CREDITS_PER_USD
    return f"${amount:,.2f}" if amount >= 1 or not credits else f"${amount:.4f}"


def count(number: int) -> str:
    return f"{number:,}"


def short_count(number: float) -> str:
    """``1.2 M``: for tiles and axes."""
    for size, unit in ((1e9, "B"), (1e6, "M"), (1e4, "k")):
        if number >= size:
            return f"{number / (1e3 if unit == 'k' else size):,.1f} {unit}"
    return f"{number:,.0f}"


def percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "–"


def duration(milliseconds: float | None) -> str:
    if milliseconds is None:
        return "–"
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    return f"{milliseconds / 1000:.1f} s"
