"""Rows of the log that are older than they are to be kept; what they added up to stays."""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from usage.models import RequestLog, UncountedRequest

BATCH = 500


def clear_requests() -> int:
    """Remove at most BATCH rows that are over and counted, with what was said; how many."""
    days = settings.REQUEST_LOG_RETENTION_DAYS
    if not days:
        return 0
    over = RequestLog.objects.filter(created_at__lt=timezone.now() - timedelta(days=days))
    counted = over.exclude(pk__in=UncountedRequest.objects.values("request_id"))
    ids = list(counted.order_by("created_at").values_list("pk", flat=True)[:BATCH])
    RequestLog.objects.filter(pk__in=ids).delete()
    return len(ids)
