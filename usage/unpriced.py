"""Models that were used and have no price: what they were used for cannot be told in money."""

from datetime import timedelta
from typing import Any

from django.db.models import Count, Max, QuerySet, Sum
from django.utils import timezone

from usage.models import RequestLog

DAYS = 30
SHOWN = 200


def unpriced_models() -> QuerySet[RequestLog, Any]:
    """One row for each model of each channel, the most used first. One query."""
    since = timezone.now() - timedelta(days=DAYS)
    rows = RequestLog.objects.filter(created_at__gte=since, cost_credits=None)
    return (
        rows.order_by()
        .exclude(served_model="")
        .values("served_model", "channel_id", "channel_name")
        .annotate(
            calls=Count("pk"),
            input=Sum("input_tokens"),
            output=Sum("output_tokens"),
            last=Max("created_at"),
        )
        .order_by("-calls", "served_model")[:SHOWN]
    )
