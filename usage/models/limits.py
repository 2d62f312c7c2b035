"""Counters of limits, shared by all processes; see usage/limits.py."""

from django.db import models
from django.utils import timezone


class LimitCounter(models.Model):
    """What is left of a limit at a moment; see usage/limits.py."""

    key = models.CharField(max_length=200, primary_key=True)
    level = models.FloatField()
    updated_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.key}: {self.level:.0f}"


class LimitPlace(models.Model):
    """A request in progress, where their number is limited. ``holder`` names the request."""

    holder = models.CharField(max_length=24, primary_key=True)
    key = models.CharField(max_length=200, db_index=True)
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.key}: {self.holder}"
