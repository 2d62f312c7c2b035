"""That somebody of the administration read a chat."""

from django.conf import settings
from django.db import models

from librechat_backend.lib.ids import ObjectIdField

REASON_MAX_LENGTH = 500


class ChatOpening(models.Model):
    """Written before anything is shown; nobody changes or removes it by hand.

    It outlives the chat, and goes with the person whose chat it was.
    """

    id = ObjectIdField()
    conversation_id = models.CharField("chat", max_length=36)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="+",
        verbose_name="whose chat",
    )
    opened_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    reason = models.CharField(max_length=REASON_MAX_LENGTH)
    message_count = models.PositiveIntegerField("messages shown")
    created_at = models.DateTimeField("opened")

    class Meta:
        verbose_name = "opened chat"
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.conversation_id
