"""What the links in our mails carry."""

from django.conf import settings
from django.db import models


class OneTimeToken(models.Model):
    """Good once, for one purpose, and only while the account has the address it was made for.

    Those of nobody open nothing: they are made so that asking costs the same for every address.
    """

    class Purpose(models.TextChoices):
        VERIFY_EMAIL = "verify"
        RESET_PASSWORD = "reset"  # noqa: S105 — a purpose

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="one_time_tokens",
        null=True,
    )
    purpose = models.CharField(max_length=10, choices=Purpose.choices)
    email = models.EmailField(max_length=254)
    token_hash = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.purpose} for {self.user_id}"
