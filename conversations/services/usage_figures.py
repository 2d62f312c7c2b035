"""The figures stored with an answer, which the client's gauge adds up (contract 02 §8.1)."""

from django.db import transaction

from conversations.chat.gauge import usage_with_cost
from conversations.models import Conversation, Message


@transaction.atomic
def add_cost(*, conversation: Conversation, message_id: str, cost_usd: float | None) -> None:
    """Of a call beside the answer; None: what all of it cost is not known any more."""
    found = Message.objects.select_for_update(of=("self",)).filter(
        conversation=conversation, message_id=message_id
    )
    message = found.first()
    if message is None:  # deleted meanwhile
        return
    usage = usage_with_cost(message.metadata.get("usage"), cost_usd)
    message.metadata = {**message.metadata, "usage": usage}
    message.save(update_fields=["metadata"])
