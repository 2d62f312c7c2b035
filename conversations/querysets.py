"""Reads of conversations, messages and generations."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q
from django.utils import timezone

if TYPE_CHECKING:
    from accounts.models import User
    from conversations.models import Conversation, Generation, Message


class ConversationQuerySet(models.QuerySet["Conversation"]):
    def owned_by(self, user: User) -> ConversationQuerySet:
        return self.filter(user=user)

    def listed(self) -> ConversationQuerySet:
        """Without temporary chats and those whose time is over (contract 03 §15.3)."""
        return self.filter(Q(expired_at=None) | Q(expired_at__gt=timezone.now())).filter(
            is_temporary=False
        )


class MessageQuerySet(models.QuerySet["Message"]):
    def owned_by(self, user: User) -> MessageQuerySet:
        return self.filter(user=user)

    def of_conversation(self, user: User, conversation_id: str) -> MessageQuerySet:
        """All branches, oldest first."""
        return self.filter(
            user=user, conversation__user=user, conversation__conversation_id=conversation_id
        ).order_by("created_at", "id")


class GenerationQuerySet(models.QuerySet["Generation"]):
    def running(self) -> GenerationQuerySet:
        return self.filter(status="running")

    def owned_by(self, user: User) -> GenerationQuerySet:
        return self.filter(user=user)

    def of_conversation(self, conversation_id: str) -> GenerationQuerySet:
        """Newest first."""
        return self.filter(conversation__conversation_id=conversation_id).order_by("-created_ms")

    def silent_since(self, moment: datetime) -> GenerationQuerySet:
        """Running by their row, but their process has not said so since ``moment``."""
        return self.running().filter(heartbeat_at__lt=moment)
