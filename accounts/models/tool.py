"""What a person keeps about tools: those they marked, and their credentials for some."""

from django.conf import settings
from django.db import models


class FavoriteTool(models.Model):
    """A tool, server or skill that stands first in the person's lists."""

    class ItemType(models.TextChoices):
        BUILTIN = "builtin"
        TOOL = "tool"
        MCP = "mcp"
        SKILL = "skill"

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="favorite_tools"
    )
    item_type = models.CharField(max_length=10, choices=ItemType.choices)
    item_id = models.CharField(max_length=256)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "item_type", "item_id"], name="favorite_tool_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.item_type} {self.item_id} of {self.user_id}"


class ToolCredential(models.Model):
    """One value a tool needs to act for the person, such as a key; encrypted (lib/crypto)."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="tool_credentials"
    )
    plugin_key = models.CharField(max_length=256)
    field = models.CharField(max_length=128)
    value = models.TextField()
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["plugin_key", "field"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "plugin_key", "field"], name="tool_credential_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.plugin_key} {self.field} of {self.user_id}"
