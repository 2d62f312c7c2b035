"""Reads of shared links."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Q
from django.utils import timezone

if TYPE_CHECKING:
    from accounts.models import User
    from conversations.models import SharedLink  # noqa: F401

SHARED_LINK_FIELDS = (
    "id", "share_id", "conversation__conversation_id", "title", "target_message_id",
    "snapshot_files", "created_at", "updated_at",
)  # fmt: skip


class SharedLinkQuerySet(models.QuerySet["SharedLink"]):
    def owned_by(self, user: User) -> SharedLinkQuerySet:
        return self.filter(user=user)

    def current(self) -> SharedLinkQuerySet:
        """Those whose time is not over."""
        return self.filter(Q(expired_at=None) | Q(expired_at__gt=timezone.now()))

    def expired(self, moment: datetime) -> SharedLinkQuerySet:
        """Those whose time was over at ``moment``."""
        return self.filter(expired_at__lte=moment)

    def opens(self) -> SharedLinkQuerySet:
        """Those behind which there is something: link and chat are current, the owner is active."""
        now = timezone.now()
        chat_is_current = Q(conversation__expired_at=None) | Q(conversation__expired_at__gt=now)
        return self.current().filter(chat_is_current, user__is_active=True)

    def of_conversation(self, conversation_id: str) -> SharedLinkQuerySet:
        """The latest change first."""
        of_it = self.filter(conversation__conversation_id=conversation_id)
        return of_it.order_by("-updated_at", "-id")

    def found(self, conversation_ids: Sequence[str], search: str) -> SharedLinkQuerySet:
        """Those of the conversations found, and those with ``search`` in their own title."""
        return self.filter(Q(conversation__in=conversation_ids) | Q(title__icontains=search))

    def rows(self) -> models.QuerySet[SharedLink, dict[str, Any]]:
        """Mappings for the serializers of links."""
        rows: models.QuerySet[SharedLink, dict[str, Any]] = self.values(*SHARED_LINK_FIELDS)
        return rows
