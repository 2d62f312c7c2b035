"""Credits as people read them. Pure."""

from decimal import Decimal

from usage.pricing import CREDITS_PER_USD


def per_million(credits: int | None) -> str:
    """A price for a million tokens: ``$0.15``, ``$2.50``, ``$0.0375``."""
    return "" if credits is None else dollars(credits)


def dollars(credits: int) -> str:
    """At least two places, and as many as it takes."""
    amount = Decimal(credits) / CREDITS_PER_USD
    exact = f"{amount.normalize():f}"
    places = len(exact.partition(".")[2])
    return f"${exact}" if places > 2 else f"${amount:.2f}"


def plain_usd(credits: int, divided_by: int = 1) -> str:
    """All digits and no sign: ``0.0000025``."""
    return f"{(Decimal(credits) / CREDITS_PER_USD / divided_by).normalize():f}"


def to_credits(usd: Decimal) -> int:
    return int((usd * CREDITS_PER_USD).to_integral_value())
