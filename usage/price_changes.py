"""Prices set by hand: from now on, never for what is past."""

from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from usage.models import Price
from usage.pricing import Rates

BY_HAND = "by hand"


@transaction.atomic
def set_price(
    *,
    model: str,
    kind: str,
    channel_id: str,
    rates: Rates,
    request_credits: int = 0,
    match: Any = None,
    source: str = BY_HAND,
) -> Price:
    """The price of ``model`` there from now on. What holds until now ends; what was announced for
    later is gone."""
    now = timezone.now()
    same = Price.objects.filter(model=model, kind=kind, channel_id=channel_id)
    same.filter(valid_from__gte=now).delete()
    same.filter(Q(valid_until=None) | Q(valid_until__gt=now)).update(valid_until=now)
    return Price.objects.create(
        model=model,
        kind=kind,
        channel_id=channel_id,
        match=match,
        valid_from=now,
        input_credits=rates.input,
        output_credits=rates.output,
        cache_read_credits=rates.cache_read,
        cache_write_credits=rates.cache_write,
        reasoning_credits=rates.reasoning,
        input_audio_credits=rates.input_audio,
        input_image_credits=rates.input_image,
        output_audio_credits=rates.output_audio,
        output_image_credits=rates.output_image,
        request_credits=request_credits,
        source=source,
    )
