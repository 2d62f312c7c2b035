from typing import Any

from django.db import models


class ChannelQuerySet(models.QuerySet[Any]):
    def usable(self) -> "ChannelQuerySet":
        """Active channels with their keys; two queries in all."""
        return self.filter(is_active=True).prefetch_related("keys")
