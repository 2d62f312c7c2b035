"""A link under which others can read a chat."""

import secrets

from django.conf import settings
from django.db import models

from conversations.models.conversation import TITLE_MAX_LENGTH, Conversation
from conversations.share_querysets import SHARED_LINK_FIELDS, SharedLinkQuerySet
from librechat_backend.lib.ids import ObjectIdField
from librechat_backend.lib.json import JSONDict

SHARE_ID_LENGTH = 21
UNTITLED = "Untitled"


def new_share_id() -> str:
    """126 random bits that fit an address: who knows them has been given the link."""
    return secrets.token_urlsafe(16)[:SHARE_ID_LENGTH]


class SharedLink(models.Model):
    """Contract 03 §1.6. ``message_ids`` are the primary keys of what is shown, oldest first.

    They are references: what is edited later is shown as it is then, what is deleted is gone, and
    what comes later is not shown before the link is updated. ``file_snapshots`` name the files that
    can be opened through the link. Who may open it is told by access entries.
    """

    id = ObjectIdField()
    share_id = models.CharField(max_length=64, unique=True, default=new_share_id)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="shared_links",
        db_index=False,
    )
    conversation = models.ForeignKey(
        Conversation, on_delete=models.CASCADE, related_name="shared_links"
    )
    title = models.CharField(max_length=TITLE_MAX_LENGTH)
    message_ids = models.JSONField(default=list)
    target_message_id = models.CharField(max_length=64, blank=True)
    snapshot_files = models.BooleanField("files are shared, too", default=True)
    file_snapshots = models.JSONField(default=list, blank=True)
    expired_at = models.DateTimeField("ends", null=True, blank=True, db_index=True)
    created_at = models.DateTimeField("created")
    updated_at = models.DateTimeField("updated", help_text="When it was last brought up to date.")

    objects = SharedLinkQuerySet.as_manager()

    class Meta:
        verbose_name = "shared link"
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["user", "-created_at", "-id"])]

    def __str__(self) -> str:
        return str(self.pk)

    def as_row(self) -> JSONDict:
        """What ``SharedLinkQuerySet.rows()`` yields for this link, without asking for it."""
        columns = (name for name in SHARED_LINK_FIELDS if "__" not in name)
        return {name: getattr(self, name) for name in columns} | {
            "conversation__conversation_id": self.conversation.conversation_id
        }
