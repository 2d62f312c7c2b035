"""An uploaded file of chats, and what has become of it."""

from django.conf import settings
from django.db import models

from librechat_backend.lib.ids import ObjectIdField

FILE_NAME_MAX_LENGTH = 255


class ChatImport(models.Model):
    """Contract 03 §4. The file itself is kept in IMPORT_DIR under the id until it is done.

    ``found`` elements were in the file: ``added`` are new chats, ``extended`` were here and have
    got new messages, ``known`` were here already, ``skipped`` could not be taken. ``report`` says
    of the first of these which and why: ``[{"number", "title", "reason"}]``, counted from 1.
    """

    class Status(models.TextChoices):
        WAITING = "waiting"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    id = ObjectIdField()
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="chat_imports"
    )
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.WAITING)
    file_name = models.CharField(max_length=FILE_NAME_MAX_LENGTH, blank=True)
    byte_count = models.BigIntegerField("bytes to read", default=0)
    bytes_read = models.BigIntegerField(default=0)
    found = models.PositiveIntegerField(default=0)
    added = models.PositiveIntegerField(default=0)
    extended = models.PositiveIntegerField(default=0)
    known = models.PositiveIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0)
    report = models.JSONField(default=list)
    problem = models.TextField(blank=True)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "import"
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["user", "-created_at"])]

    def __str__(self) -> str:
        return str(self.pk)
