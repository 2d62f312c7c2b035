"""One run of a model for one answer: what the client calls a job (contract 02 §1.1)."""

from django.conf import settings
from django.db import models

from conversations.models.conversation import Conversation
from conversations.querysets import GenerationQuerySet
from librechat_backend.lib.ids import ObjectIdField


class Generation(models.Model):
    """The row decides: a generation runs exactly while its row says so.

    ``created_ms`` is the epoch by which the client tells two generations of a conversation apart.
    ``turn`` is what the process that finishes a crashed generation must know of it.
    """

    class Status(models.TextChoices):
        RUNNING = "running"
        COMPLETE = "complete"
        ABORTED = "aborted"
        ERROR = "error"

    id = ObjectIdField()
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="generations"
    )
    conversation = models.ForeignKey(
        Conversation, on_delete=models.CASCADE, related_name="generations"
    )
    client_request_id = models.CharField(max_length=128, null=True, blank=True)
    created_ms = models.BigIntegerField()
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.RUNNING)
    endpoint = models.CharField(max_length=100)
    model = models.CharField(max_length=200)
    user_message_id = models.CharField(max_length=64)
    response_message_id = models.CharField(max_length=64)
    turn = models.JSONField(default=dict)
    process = models.CharField(max_length=120, help_text="The server process it runs in.")
    heartbeat_at = models.DateTimeField()
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = GenerationQuerySet.as_manager()

    class Meta:
        verbose_name = "answer"
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "client_request_id"], name="generation_once_per_request"
            ),
            models.UniqueConstraint(
                fields=["conversation"],
                condition=models.Q(status="running"),
                name="one_running_generation_per_conversation",
            ),
        ]
        indexes = [
            models.Index(
                fields=["heartbeat_at"],
                condition=models.Q(status="running"),
                name="generation_running",
            ),
            models.Index(fields=["conversation", "-created_ms"]),
        ]

    def __str__(self) -> str:
        return f"{self.id} ({self.status})"
