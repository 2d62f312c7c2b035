"""Misuse, and what follows from it (contract 01 §4.12)."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models

from accounts.models.stamp import Stamped


class Violation(models.Model):
    """How often a person went beyond one kind of limit."""

    class Kind(models.TextChoices):
        MESSAGES = "message_limit", "too many messages"
        CONCURRENT = "concurrent", "too many answers at once"
        SECOND_FACTOR = "two_factor", "too many guesses at the second factor"

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="violations"
    )
    kind = models.CharField(max_length=20, choices=Kind.choices)
    score = models.PositiveIntegerField(default=0)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-updated_at"]
        constraints = [models.UniqueConstraint(fields=["user", "kind"], name="one_score_per_kind")]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.kind} {self.score}"


class Ban(Stamped):
    """A person, a network address or both stay outside for a while."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="bans",
    )
    # One that carries an IPv4 address is that one, as it is for who asks (lib/throttling.py).
    ip_address = models.GenericIPAddressField(
        "address", unpack_ipv4=True, null=True, blank=True, db_index=True
    )
    reason = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField("until", db_index=True)

    class Meta(Stamped.Meta):
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.user_id or self.ip_address} until {self.expires_at:%Y-%m-%d %H:%M}"

    def clean(self) -> None:
        if self.user is None and not self.ip_address:
            raise ValidationError("Name a person, an address or both.")
