"""Amounts of money in words. Pure."""

# Without a smaller unit, as Stripe has them (docs.stripe.com/currencies).
WHOLE = {
    "bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "ugx", "vnd", "vuv",
    "xaf", "xof", "xpf",
}  # fmt: skip
CREDITS_PER_DOLLAR = 1_000_000


def money(amount: int, currency: str) -> str:
    """``amount`` in the currency's smallest unit: 500, usd → "5.00 USD"."""
    if currency.lower() in WHOLE:
        return f"{amount:,} {currency.upper()}"
    return f"{amount // 100:,}.{amount % 100:02} {currency.upper()}"


def worth(credits: int) -> str:
    return f"{credits / CREDITS_PER_DOLLAR:,.2f} USD"
