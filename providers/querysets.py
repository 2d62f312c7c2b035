from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models

if TYPE_CHECKING:
    from providers.models import Channel  # noqa: F401


class ChannelQuerySet(models.QuerySet["Channel"]):
    def usable(self) -> ChannelQuerySet:
        """Active channels with their keys; two queries in all."""
        return self.filter(is_active=True).prefetch_related("keys")
