"""What was used, added up from the log of requests."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Sum

from usage.models import RequestLog


@dataclass(frozen=True, slots=True)
class Used:
    requests: int
    input_tokens: int
    output_tokens: int
    cost_credits: int = 0


def used_by(user_id: str, *, since: datetime) -> Used:
    """Of one person, by way of the chat and of the API. One query."""
    rows = RequestLog.objects.filter(user_id=user_id, created_at__gte=since)
    found = rows.aggregate(
        requests=Count("pk"),
        input=Sum("input_tokens"),
        output=Sum("output_tokens"),
        cost=Sum("cost_credits"),
    )
    return Used(found["requests"], found["input"] or 0, found["output"] or 0, found["cost"] or 0)
