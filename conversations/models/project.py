"""A folder for chats."""

from django.conf import settings
from django.db import models

from conversations.querysets import ProjectQuerySet
from librechat_backend.lib.ids import ObjectIdField

PROJECT_NAME_MAX_LENGTH = 100
PROJECT_DESCRIPTION_MAX_LENGTH = 1000


class Project(models.Model):
    """Contract 03 §1.5. What is in it is counted when it is read, not kept."""

    id = ObjectIdField()
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="projects"
    )
    name = models.CharField(max_length=PROJECT_NAME_MAX_LENGTH)
    description = models.CharField(max_length=PROJECT_DESCRIPTION_MAX_LENGTH, blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    objects = ProjectQuerySet.as_manager()

    class Meta:
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return str(self.pk)
