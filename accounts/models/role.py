"""Roles: which features of the client a person sees."""

from django.db import models


class Role(models.Model):
    """``permissions`` is the matrix of contract 01 §5.3: ``{TYPE: {BIT: bool}}``."""

    name = models.CharField(max_length=64, unique=True)
    description = models.CharField(max_length=500, blank=True)
    permissions = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
