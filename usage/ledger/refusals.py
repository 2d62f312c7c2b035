"""A call that is refused for want of money, in words."""

from datetime import datetime

from usage.ledger.pools import Pool

# What calls in progress have put aside is free again after about this time.
BUSY_SECONDS = 5.0


class SpendingRefused(Exception):
    """``pool`` has too little: ``used`` of its limit, or of a balance what is ``left``.

    ``needed``: what the input, of ``input_tokens``, costs at least. ``is_busy``: calls in progress
    have put aside what is missing, and may not need it.
    """

    def __init__(self, pool: Pool, *, used: int, left: int, needed: int, is_busy: bool) -> None:
        self.pool, self.used, self.left = pool, used, left
        self.needed, self.is_busy = needed, is_busy
        self.input_tokens = 0
        super().__init__(self._words())

    @property
    def resets_at(self) -> datetime | None:
        return self.pool.ends_at

    @property
    def fallback_preset(self) -> str:
        """Which preset answers instead; empty: none."""
        return self.pool.budget.fallback_preset if self.pool.budget else ""

    @property
    def is_balance(self) -> bool:
        return self.pool.budget is None

    def retry_after_seconds(self, now: datetime) -> float | None:
        """None: waiting does not help."""
        if self.is_busy:
            return BUSY_SECONDS
        if self.pool.ends_at is None:
            return None
        return max((self.pool.ends_at - now).total_seconds(), 1.0)

    def _words(self) -> str:
        if self.pool.budget is None and self.is_busy:
            return (
                "What is left of your credits is put aside for requests in progress. "
                "Try again in a moment."
            )
        if self.pool.budget is None:
            return (
                f"Your credits do not suffice: {usd(self.left)} are left, "
                f"and this needs {usd(self.needed)}."
            )
        name = f"“{self.pool.budget.name}” " if self.pool.budget.name else ""
        state = "is put aside for requests in progress" if self.is_busy else "is used up"
        return (
            f"The budget {name}of {self.pool.owner} {state}: "
            f"{usd(self.used)} of {usd(self.pool.limit)} are used.{self._reset_words()}"
        )

    def _reset_words(self) -> str:
        if self.is_busy:
            return " Try again in a moment."
        end = self.pool.ends_at
        return f" It begins anew at {end:%Y-%m-%d %H:%M} UTC." if end else ""


def usd(credits: int) -> str:
    """Cents, and more digits where the amount is less than some."""
    amount = credits / 1_000_000
    return f"{amount:.2f} USD" if not credits or abs(amount) >= 0.1 else f"{amount:.6f} USD"
