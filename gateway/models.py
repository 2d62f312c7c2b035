"""Keys of programs to the models."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models

from librechat_backend.lib.ids import ObjectIdField


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def owned_by(self, user_id: str) -> ApiTokenQuerySet:
        return self.filter(user_id=user_id)


class ApiToken(models.Model):
    """A key ``sk-…``. Only its hash is stored; None in a limit means that there is none.

    In the lists None means everything the person may use, and an empty list nothing.
    """

    class QuotaWindow(models.TextChoices):
        DAY = "day", "a day"
        WEEK = "week", "a week"
        MONTH = "month", "a month"
        TOTAL = "total", "in all"

    id = ObjectIdField()
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="api_tokens",
        verbose_name="person",
        help_text="Requests with this key may do what this person may.",
    )
    name = models.CharField(max_length=100)
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    prefix = models.CharField("begins with", max_length=12, editable=False)
    is_active = models.BooleanField(
        "active", default=True, help_text="Without it the key is refused, until it is set again."
    )
    model_names = models.JSONField("models", null=True, blank=True)
    preset_slugs = models.JSONField("presets", null=True, blank=True)
    networks = models.JSONField(null=True, blank=True)
    expires_at = models.DateTimeField("until", null=True, blank=True)
    requests_per_minute = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)]
    )
    tokens_per_minute = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)]
    )
    parallel_requests = models.PositiveIntegerField(
        "requests at once", null=True, blank=True, validators=[MinValueValidator(1)]
    )
    quota_tokens = models.PositiveBigIntegerField(
        "quota (tokens)",
        null=True,
        blank=True,
        help_text="Input and output together. Empty: no quota.",
    )
    quota_window = models.CharField(
        "quota for",
        max_length=8,
        choices=QuotaWindow.choices,
        default=QuotaWindow.MONTH,
        help_text="Days, weeks (from Monday) and months by the calendar, in UTC.",
    )
    cache_seconds = models.PositiveIntegerField(
        "remember answers for (seconds)",
        default=0,
        help_text="An equal request gets the same answer again. 0: never, unless it asks for it.",
    )
    keeps_content = models.BooleanField(
        "keep what is said",
        default=False,
        help_text="Requests and answers are stored in the log of requests.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField("last used", null=True, editable=False)

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        verbose_name = "API key"
        verbose_name_plural = "API keys"
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class TokenVersion(models.Model):
    """One row whose stamp changes with every change of a key. See gateway/stamps.py."""

    SINGLE_ID = 1

    id = models.PositiveSmallIntegerField(primary_key=True, default=SINGLE_ID, editable=False)
    stamp = models.CharField(max_length=36)

    def __str__(self) -> str:
        return self.stamp
