"""What models cost: rows with validity, never changed for the past."""

from django.db import models
from django.utils import timezone

from accounts.models.stamp import Stamped
from librechat_backend.lib.ids import ObjectIdField


class Price(Stamped):
    """Credits (1,000,000 = 1 USD) for a million tokens; see usage/pricing.py for the arithmetic.

    A row holds for calls that begin in [``valid_from``, ``valid_until``); of several that fit, the
    one of the channel comes before the one of the channel's kind, before the general one.
    ``match`` is a condition on names of models (pricing.Match); None: exactly ``model``.
    ``tiers`` hold for calls whose input is longer: ``{"above_tokens": n, "input": x, "output": y,
    "cache_read": z, "cache_write": w, "reasoning": v}``, or that begin at a time of the day:
    ``{"from": "16:30", "until": "00:30", ...}``, in UTC. Empty prices are as the input, or
    as the output.
    """

    id = ObjectIdField()
    model = models.CharField(max_length=200, db_index=True)
    kind = models.CharField(
        "kind of channel", max_length=60, blank=True, help_text="Empty: channels of every kind."
    )
    channel_id = models.CharField(
        "channel", max_length=60, blank=True, help_text="Empty: every channel of that kind."
    )
    match = models.JSONField(null=True, blank=True)
    valid_from = models.DateTimeField(default=timezone.now)
    valid_until = models.DateTimeField(null=True, blank=True)
    input_credits = models.PositiveBigIntegerField("input")
    output_credits = models.PositiveBigIntegerField("output")
    cache_read_credits = models.PositiveBigIntegerField("read from cache", null=True, blank=True)
    cache_write_credits = models.PositiveBigIntegerField("written to cache", null=True, blank=True)
    reasoning_credits = models.PositiveBigIntegerField("reasoning", null=True, blank=True)
    input_audio_credits = models.PositiveBigIntegerField("sound read", null=True, blank=True)
    input_image_credits = models.PositiveBigIntegerField("pictures read", null=True, blank=True)
    output_audio_credits = models.PositiveBigIntegerField("sound made", null=True, blank=True)
    output_image_credits = models.PositiveBigIntegerField("pictures made", null=True, blank=True)
    request_credits = models.PositiveBigIntegerField("each request", default=0)
    tiers = models.JSONField(default=list, blank=True)
    source = models.CharField(max_length=100, blank=True)

    class Meta(Stamped.Meta):
        ordering = ["model", "kind", "channel_id", "-valid_from"]
        constraints = [
            models.UniqueConstraint(
                fields=["model", "kind", "channel_id", "valid_from"], name="one_price_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return f"{self.model} from {self.valid_from:%Y-%m-%d}"
