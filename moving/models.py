"""How far a move has come, so that it goes on where it was interrupted."""

import json

from django.conf import settings
from django.db import models

from files.models import File
from librechat_backend.lib.ids import ObjectIdField
from librechat_backend.lib.json import JSONDict


class Move(models.Model):
    """One run of ``import_librechat``.

    ``fingerprint`` stands for the source and what of it was asked for: an unfinished move with the
    same one goes on. ``source`` names it for people, without a password.
    """

    id = ObjectIdField()
    source = models.CharField(max_length=1000)
    fingerprint = models.CharField(max_length=64, db_index=True)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    is_complete = models.BooleanField(null=True)

    class Meta:
        ordering = ["-started_at"]

    def __str__(self) -> str:
        return self.source


class Step(models.Model):
    """One collection of a move.

    ``position`` is how far the source was read, in the source's own terms; it is written in the
    transaction of what was read up to there. ``tally`` is moving.tally.Tally.
    """

    move = models.ForeignKey(Move, on_delete=models.CASCADE, related_name="steps")
    collection = models.CharField(max_length=200)
    position = models.JSONField(null=True)
    tally = models.JSONField(default=dict)
    is_done = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["move", "collection"], name="step_once_per_move")
        ]

    def __str__(self) -> str:
        return self.collection


class MergedAccount(models.Model):
    """An account of the source that became one which was here already, under another id."""

    source_id = models.CharField(max_length=24, primary_key=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="merged_accounts"
    )

    def __str__(self) -> str:
        return f"{self.source_id} is {self.user_id}"


class LoadedThing(models.Model):
    """A row that came from a librechat.yaml, so that the next run finds it again.

    ``mark`` names it by its place in the file; ``fields`` are as they were written, so that what
    people have changed since can be told from what the file has. Of keys it has fingerprints.
    """

    mark = models.CharField(max_length=400, unique=True)
    row_id = models.CharField(max_length=64, blank=True)
    fields = models.JSONField(default=dict)
    loaded_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return self.mark


class KeptDocument(models.Model):
    """A document of the source for which there is no feature here yet, or which says more than
    what was made of it; it leaves with ``export_librechat`` as it came.

    ``collection`` and ``document_id`` are MongoDB's. ``document`` is extended JSON, with secrets
    sealed (moving.sealing); ``fingerprint`` is of the document in the source, ``changed_at`` when
    that says it was changed. ``user`` is who owns it; nobody for what is the whole server's.
    """

    id = ObjectIdField()
    collection = models.CharField(max_length=100)
    document_id = models.CharField("id there", max_length=200)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        related_name="kept_documents",
        verbose_name="owner",
    )
    document = models.TextField()
    fingerprint = models.CharField(max_length=64)
    changed_at = models.DateTimeField("changed there")
    imported_at = models.DateTimeField()

    class Meta:
        verbose_name = "document kept for later"
        verbose_name_plural = "documents kept for later"
        ordering = ["collection", "document_id"]
        constraints = [
            models.UniqueConstraint(fields=["collection", "document_id"], name="kept_document_once")
        ]

    def __str__(self) -> str:
        return f"{self.collection} {self.document_id}"

    def content(self) -> JSONDict:
        """Extended JSON, its secrets sealed."""
        content: JSONDict = json.loads(self.document)
        return content


class AwaitedBytes(models.Model):
    """Bytes of a file that the source keeps and this server has not got yet.

    ``location`` is their key there, such as ``images/<person>/<name>``.
    """

    file = models.OneToOneField(
        File, on_delete=models.CASCADE, primary_key=True, related_name="awaited"
    )
    location = models.CharField(max_length=1024)

    class Meta:
        verbose_name_plural = "awaited bytes"

    def __str__(self) -> str:
        return self.location
