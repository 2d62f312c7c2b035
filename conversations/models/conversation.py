"""A chat."""

from django.conf import settings
from django.db import models

from conversations.models.project import Project
from conversations.querysets import ConversationQuerySet
from librechat_backend.lib.ids import ObjectIdField

NEW_CHAT_TITLE = "New Chat"
TITLE_MAX_LENGTH = 1024


class Conversation(models.Model):
    """Fields of contract 03 §1.1. ``settings`` holds the parameters under the client's names."""

    id = ObjectIdField()
    conversation_id = models.CharField(max_length=36)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="conversations"
    )
    title = models.CharField(max_length=TITLE_MAX_LENGTH, default=NEW_CHAT_TITLE, blank=True)
    endpoint = models.CharField(max_length=100, blank=True)
    endpoint_type = models.CharField(max_length=40, blank=True)
    model = models.CharField(max_length=200, blank=True)
    spec = models.CharField(max_length=200, blank=True)
    icon_url = models.CharField(max_length=1024, blank=True)
    settings = models.JSONField(default=dict, blank=True)
    tags = models.JSONField(default=list, blank=True)
    files = models.JSONField(default=list, blank=True)
    project = models.ForeignKey(
        Project,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="conversations",
        db_index=False,
    )
    is_archived = models.BooleanField("archived", default=False)
    archived_at = models.DateTimeField(null=True, blank=True)
    is_pinned = models.BooleanField("pinned", default=False)
    is_temporary = models.BooleanField("temporary", default=False)
    expired_at = models.DateTimeField("removed after", null=True, blank=True, db_index=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    objects = ConversationQuerySet.as_manager()

    class Meta:
        ordering = ["-updated_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "conversation_id"], name="conversation_once_per_user"
            )
        ]
        indexes = [
            models.Index(fields=["user", "-updated_at", "-id"]),
            models.Index(fields=["project", "-updated_at", "-id"]),
        ]

    def __str__(self) -> str:
        return self.conversation_id
