"""What a person wants the models to know about them, in every chat."""

from django.conf import settings
from django.db import models

from conversations.querysets import MemoryQuerySet
from librechat_backend.lib.ids import ObjectIdField

MEMORY_KEY_MAX_LENGTH = 1000
AGENT_ID_MAX_LENGTH = 128


class Memory(models.Model):
    """Contract 03 §1.9. ``agent_id`` is empty for what all chats share."""

    id = ObjectIdField()
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memories", db_index=False
    )
    agent_id = models.CharField(
        "agent",
        max_length=AGENT_ID_MAX_LENGTH,
        blank=True,
        help_text="Empty: for all chats of the person.",
    )
    key = models.CharField(max_length=MEMORY_KEY_MAX_LENGTH)
    value = models.TextField()
    token_count = models.PositiveIntegerField("tokens", default=0)
    updated_at = models.DateTimeField()

    objects = MemoryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "memories"
        ordering = ["-updated_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["user", "agent_id", "key"], name="memory_once_per_user")
        ]

    def __str__(self) -> str:
        return str(self.pk)
