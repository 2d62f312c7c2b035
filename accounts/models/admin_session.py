"""Who is signed in to the administration."""

from django.conf import settings
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models


class AdminSession(AbstractBaseSession):
    """Django's session with its user in a column, so that it ends with them."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        related_name="admin_sessions",
    )
