"""What is written about a generation besides its beginning and its end (see ``turns``)."""

from collections.abc import Mapping

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from accounts.models.stamp import current_stamp
from accounts.services.bans import banned_addresses
from conversations.chat.request import TurnRequest
from conversations.models import NEW_CHAT_TITLE, Conversation, Generation
from conversations.search import index_titles
from librechat_backend.lib.errors import TooManyRequests


@transaction.atomic
def set_title(*, conversation: Conversation, title: str) -> bool:
    """Give an untitled conversation its title; a title given by hand stays."""
    conversations = Conversation.objects.filter(pk=conversation.pk)
    is_changed = bool(conversations.filter(title=NEW_CHAT_TITLE).update(title=title))
    if is_changed:
        index_titles(conversations)
    return is_changed


def require_room(*, user: User, request: TurnRequest) -> None:
    """A turn takes the place of the one in its conversation, a repeated request that of itself.

    Raises TooManyRequests as the client translates it (contract 01 §4.12). One query.
    """
    others = Generation.objects.owned_by(user).running()
    others = others.exclude(conversation__conversation_id=request.conversation_id or "")
    if request.client_request_id:
        others = others.exclude(client_request_id=request.client_request_id)
    pending = others.count()
    if pending < settings.CONCURRENT_MESSAGE_MAX:
        return
    raise TooManyRequests(
        type="concurrent",
        limit=settings.CONCURRENT_MESSAGE_MAX,
        pendingRequests=pending,
        score=settings.CONCURRENT_VIOLATION_SCORE,
    )


def beat(*, process: str, addresses: Mapping[str, str]) -> set[str]:
    """Say that these generations are alive; returns those that may go on.

    ``addresses``: where each was asked for, by its id; empty where that is not known. Those
    another process took over may not go on, nor those of people deactivated or banned, nor those
    asked for at an address that is banned.
    """
    now = timezone.now()
    banned = banned_addresses(current_stamp())
    welcome = [number for number, address in addresses.items() if not banned.holds(address, now)]
    owned = Generation.objects.running().filter(
        process=process, pk__in=welcome, user__is_active=True
    )
    owned = owned.exclude(user__bans__expires_at__gt=now)
    owned.update(heartbeat_at=now)
    return set(owned.values_list("pk", flat=True))


def take_over(*, generation_id: str, from_process: str, to_process: str) -> bool:
    """Become the owner of a generation whose process has died; exactly one caller succeeds."""
    abandoned = Generation.objects.running().filter(pk=generation_id, process=from_process)
    return bool(abandoned.update(process=to_process, heartbeat_at=timezone.now()))
