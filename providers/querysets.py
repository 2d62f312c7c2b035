from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

if TYPE_CHECKING:
    from providers.models import Channel, KeyHealth  # noqa: F401


class ChannelQuerySet(models.QuerySet["Channel"]):
    def with_health(self) -> ChannelQuerySet:
        """With ``resting_count``, of keys, and ``resting_message``, why the last of them rests."""
        from providers.models import KeyHealth

        resting = KeyHealth.objects.filter(
            channel_id=OuterRef("pk"), rests_until__gt=timezone.now()
        ).order_by("-failed_at")
        counted = resting.order_by().values("channel_id").annotate(n=models.Count("pk"))
        return self.annotate(
            resting_count=Coalesce(Subquery(counted.values("n")), 0),
            resting_message=Subquery(resting.values("error_message")[:1]),
        )


class KeyHealthQuerySet(models.QuerySet["KeyHealth"]):
    def of(self, channel_id: str, key_id: str) -> KeyHealthQuerySet:
        return self.filter(channel_id=channel_id, key_id=key_id)

    def probeable(self, now: datetime) -> KeyHealthQuerySet:
        """Rested keys nobody is trying at present."""
        free = Q(probe_until__isnull=True) | Q(probe_until__lt=now)
        return self.filter(free, rests_until__lte=now)
