"""A tag a person can put on chats; the client calls it a bookmark."""

from django.conf import settings
from django.db import models

from conversations.querysets import TagQuerySet
from librechat_backend.lib.ids import ObjectIdField

TAG_MAX_LENGTH = 128
TAG_DESCRIPTION_MAX_LENGTH = 1048


class Tag(models.Model):
    """Contract 03 §1.4. A conversation names its tags; how many do so is counted, not kept."""

    id = ObjectIdField()
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="tags", db_index=False
    )
    name = models.CharField(max_length=TAG_MAX_LENGTH)
    description = models.CharField(max_length=TAG_DESCRIPTION_MAX_LENGTH, blank=True)
    position = models.IntegerField(default=0)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    objects = TagQuerySet.as_manager()

    class Meta:
        ordering = ["position", "id"]
        constraints = [models.UniqueConstraint(fields=["user", "name"], name="tag_once_per_user")]

    def __str__(self) -> str:
        return str(self.pk)
