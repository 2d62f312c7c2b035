"""Limits beside those of keys and channels: for people, groups, models and addresses."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models

from accounts.models import Group
from accounts.models.stamp import Stamped
from librechat_backend.lib.ids import ObjectIdField
from librechat_backend.lib.internal_hosts import parse_network

_AT_LEAST_ONE = [MinValueValidator(1)]


class RateLimit(Stamped):
    """Holds for requests that fit all that is filled in; see usage/rate_limits.py."""

    class Counted(models.TextChoices):
        PERSON = "person", "for each person"
        ADDRESS = "address", "for each address"
        TOGETHER = "together", "all together"

    id = ObjectIdField()
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="person",
        help_text="Empty: anybody.",
    )
    group = models.ForeignKey(
        Group,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        help_text="With the groups below it. Empty: whatever groups somebody is in.",
    )
    model = models.CharField(
        max_length=200,
        blank=True,
        help_text="A model, or a preset by its short name; * stands for anything: gpt-*. "
        "Empty: all.",
    )
    network = models.CharField(
        "address",
        max_length=50,
        blank=True,
        help_text="Where requests come from, such as 203.0.113.7 or 10.0.0.0/8. Empty: anywhere.",
    )
    counted = models.CharField(
        max_length=8,
        choices=Counted.choices,
        default=Counted.PERSON,
        help_text="“For each person”: everybody has all of it. “All together”: they share it.",
    )
    requests_per_minute = models.PositiveIntegerField(
        null=True, blank=True, validators=_AT_LEAST_ONE
    )
    tokens_per_minute = models.PositiveIntegerField(
        null=True, blank=True, validators=_AT_LEAST_ONE, help_text="Input and output together."
    )
    parallel_requests = models.PositiveIntegerField(
        "requests at once", null=True, blank=True, validators=_AT_LEAST_ONE
    )
    is_active = models.BooleanField("active", default=True)

    class Meta(Stamped.Meta):
        verbose_name = "limit"
        ordering = ["id"]

    def __str__(self) -> str:
        return self.owner

    @property
    def owner(self) -> str:
        """Whose limit it is, as a refusal says it."""
        whose = self.user.display_name if self.user else ""
        if not whose and self.counted != self.Counted.TOGETHER:
            whose = f"each {self.counted}"
        whose = whose or ("" if self.group else "everybody together")
        of_group = f"the group '{self.group.name}'" if self.group else ""
        named = f"{whose} in {of_group}" if whose and of_group else whose or f"{of_group} together"
        at = f" at {self.network}" if self.network else ""
        using = f" using '{self.model}'" if self.model else ""
        return f"The limit of {named}{at}{using}"

    def clean(self) -> None:
        """Raises ValidationError."""
        amounts = (self.requests_per_minute, self.tokens_per_minute, self.parallel_requests)
        if not any(amounts):
            raise ValidationError("Say how much: requests, tokens, or requests at once.")
        if self.network:
            self.network = self._clean_network()

    def _clean_network(self) -> str:
        try:
            return str(parse_network(self.network))
        except ValueError:
            message = "Enter an address such as 203.0.113.7, or a network such as 10.0.0.0/8."
            raise ValidationError({"network": message}) from None
