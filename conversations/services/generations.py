"""What is written about a generation besides its beginning and its end (see ``turns``)."""

from django.db import transaction
from django.utils import timezone

from conversations.models import NEW_CHAT_TITLE, Conversation, Generation
from conversations.search import index_titles


@transaction.atomic
def set_title(*, conversation: Conversation, title: str) -> bool:
    """Give an untitled conversation its title; a title given by hand stays."""
    conversations = Conversation.objects.filter(pk=conversation.pk)
    is_changed = bool(conversations.filter(title=NEW_CHAT_TITLE).update(title=title))
    if is_changed:
        index_titles(conversations)
    return is_changed


def beat(*, process: str, generation_ids: list[str]) -> set[str]:
    """Say that these generations are alive; returns those that may go on.

    Those another process took over may not, nor those of people deactivated or banned.
    """
    now = timezone.now()
    owned = Generation.objects.running().filter(
        process=process, pk__in=generation_ids, user__is_active=True
    )
    owned = owned.exclude(user__bans__expires_at__gt=now)
    owned.update(heartbeat_at=now)
    return set(owned.values_list("pk", flat=True))


def take_over(*, generation_id: str, from_process: str, to_process: str) -> bool:
    """Become the owner of a generation whose process has died; exactly one caller succeeds."""
    abandoned = Generation.objects.running().filter(pk=generation_id, process=from_process)
    return bool(abandoned.update(process=to_process, heartbeat_at=timezone.now()))
