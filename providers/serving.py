"""What a model costs a person: by the channel a call would be sent to."""

from datetime import datetime

from providers.route_table import RouteQuery, RouteTable
from providers.routing import Conditions, consider
from usage.pricing import PriceData, PriceTable


def price_of(
    table: RouteTable, prices: PriceTable, query: RouteQuery, at: datetime
) -> PriceData | None:
    """None where nobody serves it, or there is no price. Of channels of the same priority the one
    that is listed first; calls are paid by the one that answers."""
    serving = [
        candidate
        for candidate in consider(table, query, Conditions())
        if candidate.skip is None and not candidate.is_fallback
    ]
    if not serving:
        return None
    first = max(serving, key=lambda candidate: candidate.channel.priority)
    channel = first.channel
    return prices.find(
        model=channel.upstream_model(first.name), kind=channel.kind, channel_id=channel.id, at=at
    )
