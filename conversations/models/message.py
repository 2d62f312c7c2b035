"""One message of a chat; messages of a conversation form a tree by ``parent_message_id``."""

from django.conf import settings
from django.db import models

from conversations.models.conversation import Conversation
from conversations.querysets import MESSAGE_FIELDS, MessageQuerySet
from librechat_backend.lib.ids import NO_PARENT, ObjectIdField
from librechat_backend.lib.json import JSONDict
from presets.parameters import SENDER_MAX_LENGTH


class Message(models.Model):
    """Fields of contract 03 §1.2.

    A message of the user has ``text`` and no ``content``; an answer has a list of content parts
    (contract 02 §8.2) and an empty text, or, when it is an error as a whole, text alone.
    """

    id = ObjectIdField()
    message_id = models.CharField(max_length=64)
    conversation = models.ForeignKey(
        Conversation, on_delete=models.CASCADE, related_name="messages", db_index=False
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    parent_message_id = models.CharField(max_length=64, default=NO_PARENT)
    is_created_by_user = models.BooleanField(default=False)
    sender = models.CharField(max_length=SENDER_MAX_LENGTH, blank=True)
    text = models.TextField(blank=True)
    content = models.JSONField(null=True, blank=True)
    endpoint = models.CharField(max_length=100, blank=True)
    model = models.CharField(max_length=200, blank=True)
    icon_url = models.CharField(max_length=1024, blank=True)
    error = models.BooleanField(default=False)
    unfinished = models.BooleanField(default=False)
    finish_reason = models.CharField(max_length=40, blank=True)
    token_count = models.PositiveIntegerField(null=True, blank=True)
    files = models.JSONField(default=list, blank=True)
    attachments = models.JSONField(default=list, blank=True)
    quotes = models.JSONField(default=list, blank=True)
    feedback = models.JSONField(null=True, blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    is_parallel = models.BooleanField(default=False)  # parts of two models side by side
    is_temporary = models.BooleanField(default=False)
    expired_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    objects = MessageQuerySet.as_manager()

    class Meta:
        ordering = ["created_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["user", "message_id"], name="message_once_per_user")
        ]
        indexes = [models.Index(fields=["conversation", "created_at", "id"])]

    def __str__(self) -> str:
        return self.message_id

    def as_row(self, conversation: Conversation) -> JSONDict:
        """What ``MessageQuerySet.rows()`` yields for this message, without asking for it."""
        columns = (name for name in MESSAGE_FIELDS if "__" not in name)
        return {name: getattr(self, name) for name in columns} | {
            "conversation__conversation_id": conversation.conversation_id
        }
