"""Rows the installation as a whole is run by."""

from typing import Any

from django.db import models
from django_tasks_db.models import DBTaskResult


class BackgroundTask(DBTaskResult[Any, Any]):
    """The rows of django-tasks-db under the name the administration gives them."""

    class Meta:
        proxy = True
        verbose_name = "background task"

    def __str__(self) -> str:
        """``import_conversations`` → “Import conversations”."""
        return str(self.task_path).rpartition(".")[2].replace("_", " ").capitalize()


class Window(models.Model):
    """Requests counted against a limit, where there is no Redis (lib/throttling.py).

    ``ends_at``: seconds since 1970.
    """

    key = models.CharField(max_length=200, primary_key=True)
    count = models.PositiveIntegerField()
    ends_at = models.BigIntegerField(db_index=True)

    def __str__(self) -> str:
        return f"{self.key}: {self.count}"
