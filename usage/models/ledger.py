"""Credits: what people have, what may be spent, and each movement. 1,000,000 credits are 1 USD.

Written by usage/ledger alone.
"""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.utils import timezone

from accounts.models.stamp import Stamped
from librechat_backend.lib.ids import ObjectIdField


class RefillUnit(models.TextChoices):
    """The client's names (contract 01 §5.7)."""

    SECONDS = "seconds"
    MINUTES = "minutes"
    HOURS = "hours"
    DAYS = "days"
    WEEKS = "weeks"
    MONTHS = "months"


class BillingRules(Stamped):
    """The one row that says how credits are handled. Nothing is refused for want of balance unless
    ``has_balances``; budgets hold whenever they exist."""

    class Unpriced(models.TextChoices):
        ALLOW = "allow", "may be used, and are shown as unpriced"
        REFUSE = "refuse", "are refused"

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    has_balances = models.BooleanField(
        "balances", default=False, help_text="Each person has credits, and needs some to go on."
    )
    start_credits = models.BigIntegerField("credits to begin with", default=20_000)
    auto_refill = models.BooleanField(default=False)
    refill_interval_value = models.PositiveIntegerField(default=30)
    refill_interval_unit = models.CharField(
        max_length=8, choices=RefillUnit.choices, default=RefillUnit.DAYS
    )
    refill_credits = models.PositiveBigIntegerField(default=10_000)
    shows_cost = models.BooleanField(
        "costs are shown to people", default=False, help_text="In the client's gauge, as USD."
    )
    currency_code = models.CharField(max_length=3, default="USD")
    currency_rate = models.DecimalField(
        max_digits=12, decimal_places=6, default=1, help_text="Units of the currency for 1 USD."
    )
    unpriced = models.CharField(
        "models without a price", max_length=6, choices=Unpriced.choices, default=Unpriced.ALLOW
    )
    reserved_output_tokens = models.PositiveIntegerField(
        default=4096, help_text="Put aside for an answer whose length is not limited."
    )

    class Meta(Stamped.Meta):
        verbose_name_plural = "billing rules"

    def __str__(self) -> str:
        return "Billing rules"


class Balance(models.Model):
    """A person's credits. ``credits`` is the sum of the person's entries in the ledger; ``leased``
    of them are with processes and not spent yet."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="balance"
    )
    credits = models.BigIntegerField(default=0)
    leased = models.PositiveBigIntegerField(default=0, editable=False)
    auto_refill = models.BooleanField(
        null=True, blank=True, help_text="Unknown: as the billing rules say."
    )
    refill_interval_value = models.PositiveIntegerField(default=30)
    refill_interval_unit = models.CharField(
        max_length=8, choices=RefillUnit.choices, default=RefillUnit.DAYS
    )
    refill_credits = models.PositiveBigIntegerField(default=0)
    last_refill_at = models.DateTimeField(
        default=timezone.now, help_text="To begin with, when the balance was opened."
    )

    def __str__(self) -> str:
        return f"{self.credits} credits"


class Budget(Stamped):
    """How much may be spent by, or through, its owner in each window. ``owner_id`` is an id, the
    slug of a preset, or empty for everyone."""

    class Owner(models.TextChoices):
        EVERYONE = "everyone", "everyone together"
        GROUP = "group", "group"
        USER = "user", "person"
        TOKEN = "token", "API key"  # noqa: S105 - a kind of owner
        PRESET = "preset", "preset"
        CHANNEL = "channel", "channel"

    class Window(models.TextChoices):
        DAY = "day", "a day"
        WEEK = "week", "a week"
        MONTH = "month", "a month"
        TOTAL = "total", "in all"

    id = ObjectIdField()
    name = models.CharField(max_length=150, blank=True)
    owner_kind = models.CharField("of", max_length=8, choices=Owner.choices)
    owner_id = models.CharField(max_length=100, blank=True)
    limit_credits = models.PositiveBigIntegerField("limit")
    window = models.CharField(max_length=5, choices=Window.choices, default=Window.MONTH)
    extra_credits = models.PositiveBigIntegerField(
        "extra", default=0, help_text="On top of the limit, once."
    )
    extra_until = models.DateTimeField(null=True, blank=True)
    fallback_preset = models.CharField(
        max_length=100, blank=True, help_text="The preset that answers when this is used up."
    )
    is_active = models.BooleanField("active", default=True)

    class Meta(Stamped.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["owner_kind", "owner_id", "window"], name="one_budget_for_each_window"
            )
        ]

    def limit_at(self, now: datetime) -> int:
        has_extra = self.extra_until is None or now < self.extra_until
        return self.limit_credits + (self.extra_credits if has_extra else 0)

    def __str__(self) -> str:
        return self.name or f"{self.get_owner_kind_display()} {self.owner_id}".strip()


class BudgetPeriod(models.Model):
    """One window of a budget, and what of it is used. Windows are calendar days, ISO weeks and
    months in UTC."""

    id = ObjectIdField()
    budget = models.ForeignKey(Budget, on_delete=models.CASCADE, related_name="periods")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True)
    used = models.PositiveBigIntegerField(default=0)
    leased = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["budget", "starts_at"], name="one_period_at_a_time")
        ]

    def __str__(self) -> str:
        return f"{self.starts_at:%Y-%m-%d}: {self.used}"


class Lease(models.Model):
    """Credits a process has taken out of a balance or a period, and not spent yet. They go back
    when the process ends, or falls silent."""

    id = ObjectIdField()
    process = models.CharField(max_length=60)
    pool = models.CharField(max_length=40, help_text="balance:<person> or period:<id>")
    credits = models.PositiveBigIntegerField()
    renewed_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["process", "pool"], name="one_lease_for_each_pool")
        ]

    def __str__(self) -> str:
        return f"{self.pool}: {self.credits}"


class LedgerEntry(models.Model):
    """A movement of credits; never changed, never deleted. ``amount`` changes the balance,
    ``cost`` is what a request cost, whether or not balances are on. The entry of a request has the
    request's id, so a request counts once."""

    class Kind(models.TextChoices):
        USAGE = "usage", "used"
        REFUND = "refund", "refunded"
        START = "start", "to begin with"
        REFILL = "refill", "refilled"
        PAYMENT = "payment", "paid"
        VOUCHER = "voucher", "voucher"
        ADJUSTMENT = "adjustment", "set by hand"
        IMPORT = "import", "taken over"

    id = ObjectIdField()
    created_at = models.DateTimeField("when", default=timezone.now)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    # As in the log of requests: entries outlive people.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    amount = models.BigIntegerField(default=0)
    cost = models.PositiveBigIntegerField(default=0)
    request_id = models.CharField(max_length=24, blank=True, db_index=True)
    price_id = models.CharField(max_length=24, blank=True)
    operation = models.CharField(max_length=40, blank=True)
    model = models.CharField(max_length=200, blank=True)
    conversation_id = models.CharField(max_length=36, blank=True, db_index=True)
    message_id = models.CharField(max_length=36, blank=True)
    periods = models.JSONField(default=list, help_text="Of budgets it was taken from.")
    reason = models.CharField(max_length=300, blank=True)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    # What caused it elsewhere (a payment, a voucher, an imported row), so nothing counts twice.
    reference = models.CharField(max_length=255, null=True, unique=True)  # noqa: DJ001 - unique where there is one
    details = models.JSONField(default=dict)

    class Meta:
        verbose_name_plural = "ledger entries"
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["user", "created_at"], name="ledger_user")]

    def __str__(self) -> str:
        return f"{self.kind} {self.amount}"
