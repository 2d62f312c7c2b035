"""Addresses that may register although registration is closed."""

from django.conf import settings
from django.db import models


class Invitation(models.Model):
    """One row an address; the token is in the link only."""

    email = models.EmailField(unique=True, max_length=254)
    token_hash = models.CharField(max_length=64, editable=False)
    invited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        editable=False,
        related_name="invitations",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(editable=False)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.email
