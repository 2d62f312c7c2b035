"""A device that stays signed in."""

from django.conf import settings
from django.db import models

from librechat_backend.lib.ids import ObjectIdField


class RefreshSession(models.Model):
    """One row a sign-in. The token itself is in the browser's cookie only."""

    id = ObjectIdField()
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="refresh_sessions"
    )
    token_hash = models.CharField(max_length=64)
    previous_hash = models.CharField(max_length=64, blank=True)
    rotated_at = models.DateTimeField(auto_now_add=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(db_index=True)
    ip_address = models.GenericIPAddressField(null=True, blank=True)
    user_agent = models.CharField(max_length=300, blank=True)
    # Through which provider the person signed in, and its ID token (encrypted): it wants to see
    # that again when they sign out.
    provider = models.CharField(max_length=32, blank=True)
    id_token = models.TextField(blank=True, editable=False)

    class Meta:
        verbose_name = "signed-in device"
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.user_id} since {self.created_at:%Y-%m-%d %H:%M}"
