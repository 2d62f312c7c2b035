"""What was asked of models, by whom, and what it took."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from librechat_backend.lib.ids import ObjectIdField


class RequestLog(models.Model):
    """One request, of the chat or of the API. Rows are written by usage/recorder.py alone."""

    class Face(models.TextChoices):
        CHAT = "chat", "chat"
        API = "api", "API"
        ADMIN = "admin", "administration"

    class Status(models.TextChoices):
        OK = "ok", "answered"
        PARTIAL = "partial", "broke off"
        STOPPED = "stopped", "stopped"
        FAILED = "failed", "failed"
        REFUSED = "refused", "refused"

    id = ObjectIdField()
    created_at = models.DateTimeField("when", default=timezone.now)
    face = models.CharField("by way of", max_length=8, choices=Face.choices)
    operation = models.CharField(max_length=40)
    # Without a constraint in the database: a batch of rows must not fail because one of its
    # people was deleted a moment before.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    groups = models.JSONField(default=list, help_text="The person's groups then, nearest first.")
    token_id = models.CharField(max_length=24, blank=True)
    token_name = models.CharField("API key", max_length=100, blank=True)
    session_id = models.CharField(max_length=128, blank=True)
    preset_slug = models.CharField("preset", max_length=200, blank=True)
    preset_version = models.PositiveIntegerField(default=0)
    resolved_hash = models.CharField(
        "fingerprint",
        max_length=64,
        blank=True,
        help_text="Of the model, instructions and parameters a preset came to: the same in the "
        "chat, in the API and when it is tried in the administration.",
    )
    endpoint = models.CharField(max_length=100, blank=True)
    requested_model = models.CharField("model", max_length=200, blank=True)
    served_model = models.CharField(max_length=200, blank=True)
    channel_id = models.CharField(max_length=60, blank=True)
    channel_name = models.CharField("channel", max_length=150, blank=True)
    key_id = models.CharField(max_length=24, blank=True)
    attempts = models.JSONField(default=list)
    routing = models.CharField(max_length=200, blank=True, help_text="Why this model was chosen.")
    input_tokens = models.PositiveBigIntegerField(default=0)
    output_tokens = models.PositiveBigIntegerField(default=0)
    cache_read_tokens = models.PositiveBigIntegerField(default=0)
    cache_write_tokens = models.PositiveBigIntegerField(default=0)
    reasoning_tokens = models.PositiveBigIntegerField(default=0)
    input_audio_tokens = models.PositiveBigIntegerField("sound read", default=0)
    input_image_tokens = models.PositiveBigIntegerField("pictures read", default=0)
    output_audio_tokens = models.PositiveBigIntegerField("sound made", default=0)
    output_image_tokens = models.PositiveBigIntegerField("pictures made", default=0)
    is_estimated = models.BooleanField(
        "estimated", default=False, help_text="The provider did not say how many tokens it took."
    )
    is_streamed = models.BooleanField("streamed", default=False)
    first_token_ms = models.PositiveIntegerField("first word after (ms)", null=True)
    total_ms = models.PositiveIntegerField("took (ms)", default=0)
    status = models.CharField(max_length=8, choices=Status.choices)
    http_status = models.PositiveSmallIntegerField(default=0)
    error = models.CharField(max_length=300, blank=True)
    cache = models.CharField(max_length=10, blank=True, help_text="Which cache answered.")
    conversation_id = models.CharField(max_length=36, blank=True)
    message_id = models.CharField(max_length=36, blank=True)
    cost_credits = models.BigIntegerField(
        "cost", null=True, help_text="1,000,000 credits are 1 USD; empty: the model has no price."
    )
    price_id = models.CharField(max_length=24, blank=True)
    experiment = models.CharField(max_length=100, blank=True)
    variant = models.CharField(max_length=100, blank=True)

    class Meta:
        verbose_name = "request"
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["created_at"], name="request_when"),
            models.Index(fields=["user", "created_at"], name="request_user"),
            models.Index(fields=["token_id", "created_at"], name="request_token"),
            models.Index(fields=["requested_model", "created_at"], name="request_model"),
            models.Index(fields=["channel_id", "created_at"], name="request_channel"),
            models.Index(fields=["preset_slug", "created_at"], name="request_preset"),
            models.Index(
                fields=["experiment", "variant"],
                name="request_experiment",
                condition=~models.Q(experiment=""),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(cost_credits__isnull=True) | models.Q(cost_credits__gte=0),
                name="request_cost_not_negative",
            )
        ]

    def __str__(self) -> str:
        return f"{self.operation} {self.requested_model} {self.status}"


class RequestContent(models.Model):
    """What was said, where keeping it is switched on. Goes with the person, unlike the row."""

    request = models.OneToOneField(
        RequestLog,
        on_delete=models.CASCADE,
        primary_key=True,
        db_constraint=False,
        related_name="content",
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, db_constraint=False, related_name="+"
    )
    value = models.JSONField(help_text="Request and answer.")

    def __str__(self) -> str:
        return str(self.request_id)
