"""What people pay for: plans, subscriptions, payments, vouchers.

Amounts of money are in the currency's smallest unit, as Stripe has them; credits are those of the
ledger (1,000,000 = 1 USD).
"""

from django.conf import settings
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.utils import timezone

from accounts.models import Group
from librechat_backend.lib.ids import ObjectIdField


class Plan(models.Model):
    """Credits for money, once or again and again; a subscription may bring a group with it."""

    class Interval(models.TextChoices):
        ONCE = "once", "once"
        MONTH = "month", "each month"
        YEAR = "year", "each year"

    id = ObjectIdField()
    name = models.CharField(max_length=100)
    description = models.CharField(max_length=500, blank=True)
    amount = models.PositiveIntegerField(
        "price",
        validators=[MinValueValidator(1)],
        help_text="In the currency's smallest unit: 500 is 5.00 USD.",
    )
    currency = models.CharField(
        max_length=3, default="usd", validators=[RegexValidator("^[a-z]{3}$", "Such as usd.")]
    )
    interval = models.CharField(
        "is paid", max_length=5, choices=Interval.choices, default=Interval.ONCE
    )
    credits = models.PositiveBigIntegerField(
        help_text="Given with each payment; 1,000,000 are worth 1 USD of model use."
    )
    group = models.ForeignKey(
        Group,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="plans",
        help_text="Subscribers are members of it, and get its presets, while they pay.",
    )
    stripe_price_id = models.CharField(
        "price at Stripe",
        max_length=255,
        blank=True,
        help_text="price_…, where it was made there. Empty: Stripe is told name and price.",
    )
    position = models.PositiveIntegerField(default=0)
    is_active = models.BooleanField("offered", default=True)

    class Meta:
        ordering = ["position", "amount", "id"]

    def __str__(self) -> str:
        return self.name


class Customer(models.Model):
    """Who a person is at Stripe."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="stripe_customer",
    )
    stripe_id = models.CharField(max_length=255, unique=True)

    def __str__(self) -> str:
        return self.stripe_id


class Subscription(models.Model):
    """As Stripe last told us. ``changed_at`` is when it changed there: what is older is ignored."""

    # Stripe tries a failed payment again for some days before it gives up.
    LIVE = ("active", "trialing", "past_due")

    id = ObjectIdField()
    stripe_id = models.CharField(max_length=255, unique=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="subscriptions"
    )
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="subscriptions")
    status = models.CharField(max_length=30)
    ends_with_period = models.BooleanField("cancelled", default=False)
    period_ends_at = models.DateTimeField("paid until", null=True)
    changed_at = models.DateTimeField()

    class Meta:
        ordering = ["-changed_at", "-id"]

    def __str__(self) -> str:
        return f"{self.plan}, {self.status}"


class Payment(models.Model):
    """A payment, gathered from what Stripe tells in any order.

    ``stripe_id`` is the checkout's or the invoice's (until that is known, the payment intent's);
    ``granted`` is what the ledger has been given for it so far, and follows from the rest.
    """

    id = ObjectIdField()
    stripe_id = models.CharField(max_length=255, unique=True)
    payment_intent = models.CharField(max_length=255, null=True, unique=True)  # noqa: DJ001
    # Money that was received stays in the books without its payer.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    plan = models.ForeignKey(Plan, on_delete=models.SET_NULL, null=True, related_name="payments")
    created_at = models.DateTimeField("when", default=timezone.now)
    amount = models.PositiveBigIntegerField("paid", default=0)
    refunded = models.PositiveBigIntegerField(default=0)
    disputed = models.PositiveBigIntegerField(default=0)
    disputed_at = models.DateTimeField(null=True)
    currency = models.CharField(max_length=3, blank=True)
    credits = models.PositiveBigIntegerField("credits bought", default=0)
    granted = models.BigIntegerField("credits given", default=0)
    document_url = models.CharField("invoice", max_length=1024, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return self.stripe_id


class StripeEvent(models.Model):
    """An event that was taken in; its id keeps it from being taken in twice."""

    id = models.CharField(max_length=255, primary_key=True)
    kind = models.CharField(max_length=100)
    created_at = models.DateTimeField("happened")
    received_at = models.DateTimeField(default=timezone.now)
    outcome = models.CharField(max_length=200, blank=True)

    class Meta:
        verbose_name = "message from Stripe"
        verbose_name_plural = "messages from Stripe"
        ordering = ["-received_at"]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


class Voucher(models.Model):
    """Credits for whoever has the code. Only its hash is stored."""

    id = ObjectIdField()
    code_hash = models.CharField(max_length=64, unique=True, editable=False)
    prefix = models.CharField("begins with", max_length=8, editable=False)
    note = models.CharField(max_length=200, blank=True, help_text="What it is for. Not shown.")
    credits = models.PositiveBigIntegerField(validators=[MinValueValidator(1)])
    uses = models.PositiveIntegerField(
        "how many people",
        default=1,
        validators=[MinValueValidator(1)],
        help_text="Each person can redeem it once.",
    )
    used = models.PositiveIntegerField("redeemed", default=0, editable=False)
    expires_at = models.DateTimeField("until", null=True, blank=True)
    is_active = models.BooleanField("active", default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(used__lte=models.F("uses")), name="voucher_not_used_up_twice"
            )
        ]

    def __str__(self) -> str:
        return f"{self.prefix}…"


class VoucherUse(models.Model):
    id = ObjectIdField()
    voucher = models.ForeignKey(Voucher, on_delete=models.CASCADE, related_name="redemptions")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="voucher_uses"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["voucher", "user"], name="voucher_once_per_person")
        ]

    def __str__(self) -> str:
        return f"{self.voucher_id} by {self.user_id}"
