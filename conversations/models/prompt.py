"""The library of prompts: groups, and in each the versions of one text."""

from django.conf import settings
from django.db import models

from conversations.prompt_querysets import PromptGroupQuerySet, PromptQuerySet
from librechat_backend.lib.ids import ObjectIdField

NAME_MAX_LENGTH = 255
ONELINER_MAX_LENGTH = 500
CATEGORY_MAX_LENGTH = 100
COMMAND_MAX_LENGTH = 56


class PromptGroup(models.Model):
    """Contract 03 §1.7. ``production`` is the version in use. Access entries tell who may what."""

    id = ObjectIdField()
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="prompt_groups",
        verbose_name="author",
    )
    author_name = models.CharField(max_length=80, blank=True)
    name = models.CharField(max_length=NAME_MAX_LENGTH)
    oneliner = models.CharField(max_length=ONELINER_MAX_LENGTH, blank=True)
    category = models.CharField(max_length=CATEGORY_MAX_LENGTH, blank=True)
    command = models.CharField(max_length=COMMAND_MAX_LENGTH, blank=True)
    production = models.ForeignKey(
        "conversations.Prompt", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    usage_count = models.PositiveIntegerField("used", default=0)
    created_at = models.DateTimeField("created")
    updated_at = models.DateTimeField("updated")

    objects = PromptGroupQuerySet.as_manager()

    class Meta:
        verbose_name = "prompt"
        ordering = ["-usage_count", "-updated_at", "id"]

    def __str__(self) -> str:
        return str(self.pk)


class Prompt(models.Model):
    """A version (contract 03 §1.8). It stays with its group when whoever wrote it goes."""

    class Kind(models.TextChoices):
        TEXT = "text"
        CHAT = "chat"

    id = ObjectIdField()
    group = models.ForeignKey(
        PromptGroup, on_delete=models.CASCADE, related_name="prompts", db_index=False
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    text = models.TextField()
    kind = models.CharField(max_length=4, choices=Kind.choices, default=Kind.TEXT)
    labels = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    objects = PromptQuerySet.as_manager()

    class Meta:
        verbose_name = "version of a prompt"
        verbose_name_plural = "versions of prompts"
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["group", "-created_at", "-id"])]

    def __str__(self) -> str:
        return str(self.pk)
