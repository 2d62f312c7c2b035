"""How much a person keeps: counted when it is asked for."""

from dataclasses import dataclass

from django.db.models import Count, Max, Min, Q, Sum
from django.db.models.fields import TextField
from django.db.models.functions import Cast, Coalesce, Length

from accounts.models import User
from conversations.models import Conversation, Message


@dataclass(frozen=True, slots=True)
class Holdings:
    """``text_characters`` is what the messages hold; dates are ISO days, empty without chats."""

    chats: int
    archived: int
    temporary: int
    expiring: int
    messages: int
    text_characters: int
    first_day: str
    last_day: str


def holdings_of(user: User) -> Holdings:
    """Two queries; the second reads all messages of ``user``."""
    chats = Conversation.objects.owned_by(user).aggregate(
        count=Count("pk"),
        archived=Count("pk", filter=Q(is_archived=True)),
        temporary=Count("pk", filter=Q(is_temporary=True)),
        expiring=Count("pk", filter=Q(expired_at__isnull=False)),
        first=Min("created_at"),
        last=Max("updated_at"),
    )
    size = Length("text") + Coalesce(Length(Cast("content", TextField())), 0)
    messages = Message.objects.owned_by(user).aggregate(count=Count("pk"), size=Sum(size))
    return Holdings(
        chats=chats["count"],
        archived=chats["archived"],
        temporary=chats["temporary"],
        expiring=chats["expiring"],
        messages=messages["count"],
        text_characters=messages["size"] or 0,
        first_day=f"{chats['first']:%Y-%m-%d}" if chats["first"] else "",
        last_day=f"{chats['last']:%Y-%m-%d}" if chats["last"] else "",
    )
