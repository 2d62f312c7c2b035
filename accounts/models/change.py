"""What was changed about who may use what: who, when, why, and from what to what."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from librechat_backend.lib.ids import ObjectIdField


class RuleChange(models.Model):
    """One change of a group, an assignment or rules.

    ``subject`` names what was changed in a way that outlives its row, so that what was deleted can
    be brought back. ``before`` and ``after`` hold the fields that differ; null: it did not exist.
    Members of a group are fields of it, ``member:<user id>``.
    """

    class Kind(models.TextChoices):
        GROUP = "group", "group"
        ASSIGNMENT = "assignment", "who gets what"
        POLICY = "policy", "rules"

    id = ObjectIdField()
    kind = models.CharField("what", max_length=10, choices=Kind.choices)
    subject = models.CharField(max_length=100)
    name = models.CharField(max_length=300)
    version = models.PositiveIntegerField()
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    reason = models.CharField("why", max_length=500, blank=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name="who",
    )
    created_at = models.DateTimeField("when", auto_now_add=True)

    class Meta:
        verbose_name = "change"
        ordering = ["-created_at", "-version"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "subject", "version"], name="version_once_per_subject"
            )
        ]
        indexes = [models.Index(fields=["-created_at"], name="rule_change_when")]

    def __str__(self) -> str:
        return f"{self.name}, change {self.version}"
