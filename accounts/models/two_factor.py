"""The second factor of a person."""

from django.conf import settings
from django.db import models


class Authenticator(models.Model):
    """The app on the person's telephone; secrets are encrypted (lib/crypto).

    ``pending_secret`` waits for a code that shows that the app has it. ``last_step`` is that of
    the last code used to sign in, which must not be used again.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="authenticator",
    )
    secret = models.CharField(max_length=200, blank=True)
    pending_secret = models.CharField(max_length=200, blank=True)
    last_step = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"authenticator of {self.user_id}"


class BackupCode(models.Model):
    """Good once, for who has lost the telephone."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="backup_codes"
    )
    code_hash = models.CharField(max_length=64)
    is_pending = models.BooleanField(default=False)
    used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"backup code of {self.user_id}"
