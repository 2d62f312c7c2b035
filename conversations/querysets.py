"""Reads of conversations, messages and generations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Count, Exists, OuterRef, Q, Subquery, Sum, Value
from django.db.models.functions import Coalesce
from django.db.models.sql.compiler import SQLCompiler
from django.utils import timezone

if TYPE_CHECKING:
    from accounts.models import User
    from conversations.models import (  # noqa: F401
        Conversation,
        Generation,
        Memory,
        Message,
        Project,
        Tag,
    )
    from librechat_backend.lib.compiled import Given

SEARCH_MAX_LENGTH = 1024  # no title is longer

# What the serializers read.
CONVERSATION_LIST_FIELDS = (
    "id", "conversation_id", "user_id", "title", "endpoint", "model", "spec", "icon_url",
    "is_archived", "archived_at", "is_pinned", "project_id", "created_at", "updated_at",
    "settings__agent_id",
    "settings__assistant_id",
)  # fmt: skip
CONVERSATION_FIELDS = (
    "id", "conversation_id", "user_id", "title", "endpoint", "endpoint_type", "model", "spec",
    "icon_url", "settings", "tags", "files", "is_archived", "archived_at", "is_pinned",
    "is_temporary", "project_id", "expired_at", "created_at", "updated_at",
)  # fmt: skip
MESSAGE_FIELDS = (
    "id", "message_id", "conversation__conversation_id", "parent_message_id",
    "is_created_by_user", "sender", "text", "content", "endpoint", "model", "icon_url", "error",
    "unfinished", "finish_reason", "token_count", "files", "attachments", "quotes", "feedback",
    "metadata", "is_parallel", "is_temporary", "expired_at", "created_at", "updated_at",
)  # fmt: skip


TAG_FIELDS = ("id", "user_id", "name", "description", "position", "created_at", "updated_at")
PROJECT_FIELDS = (
    "id", "user_id", "name", "description", "conversation_count", "last_conversation_at",
    "last_conversation_id", "last_activity", "created_at", "updated_at",
)  # fmt: skip
MEMORY_FIELDS = ("id", "user_id", "agent_id", "key", "value", "token_count", "updated_at")
NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class HasAnyElement(models.Func):
    """Whether a JSON list holds one of some strings; JSONField has no lookup all databases know."""

    output_field = models.BooleanField()

    def __init__(self, column: str, *, elements: Sequence[str]) -> None:
        super().__init__(column)
        self.elements = list(elements)

    def as_sqlite(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra_context: Any
    ) -> tuple[str, tuple[Any, ...]]:
        column, params = compiler.compile(self.source_expressions[0])
        marks = ", ".join(["%s"] * len(self.elements))
        sql = f"EXISTS (SELECT 1 FROM json_each({column}) WHERE value IN ({marks}))"  # noqa: S608
        return sql, (*params, *self.elements)

    def as_postgresql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra_context: Any
    ) -> tuple[str, tuple[Any, ...]]:
        column, params = compiler.compile(self.source_expressions[0])
        return f"{column} ?| %s", (*params, self.elements)


class ConversationQuerySet(models.QuerySet["Conversation"]):
    def owned_by(self, user: User) -> ConversationQuerySet:
        return self.filter(user=user)

    def with_id(self, conversation_id: str) -> ConversationQuerySet:
        return self.filter(conversation_id=conversation_id)

    def archived(self, is_archived: bool) -> ConversationQuerySet:
        return self.filter(is_archived=is_archived)

    def tagged(self, tags: Sequence[str]) -> ConversationQuerySet:
        """Those with any of ``tags``."""
        return self.filter(HasAnyElement("tags", elements=tags))

    def found(self, ids: Sequence[str], search: str) -> ConversationQuerySet:
        """Those found by their titles, and those that have ``search`` as a tag or as their id."""
        is_named = Q(HasAnyElement("tags", elements=[search])) | Q(conversation_id=search)
        return self.filter(Q(pk__in=ids) | is_named)

    def in_project(self, project_id: str | None) -> ConversationQuerySet:
        """Those of a project, or, with None, those of none."""
        return self.filter(project=project_id)

    def tag_counts(self) -> Counter[str]:
        """How many of them have each tag. One query."""
        tagged = self.exclude(tags=[]).order_by().values_list("tags", flat=True)
        return Counter(tag for tags in tagged.iterator() for tag in set(tags))

    def lock_rows(self) -> ConversationQuerySet:
        return self.select_for_update(of=("self",)).order_by("pk")

    def listed(self) -> ConversationQuerySet:
        """Without temporary chats and those whose time is over (contract 03 §15.3)."""
        return self.filter(Q(expired_at=None) | Q(expired_at__gt=timezone.now())).filter(
            is_temporary=False
        )

    def expired(self, moment: datetime) -> ConversationQuerySet:
        """Those whose time was over at ``moment``."""
        return self.filter(expired_at__lte=moment)

    def rows(self) -> models.QuerySet[Conversation, dict[str, Any]]:
        """Mappings for ``conversation_wire``."""
        rows: models.QuerySet[Conversation, dict[str, Any]] = self.values(*CONVERSATION_FIELDS)
        return rows

    def list_rows(self) -> models.QuerySet[Conversation, dict[str, Any]]:
        """Mappings for ``conversation_row_wire``; of the settings only what a list shows.

        ``archived_sort`` is ``archived_at``, or long ago, for sorting; ``is_shared`` None means
        that nothing can be.
        """
        archived = Coalesce("archived_at", Value(NEVER), output_field=models.DateTimeField())
        rows: models.QuerySet[Conversation, dict[str, Any]] = self.annotate(
            archived_sort=archived, is_shared=_is_shared()
        ).values(*CONVERSATION_LIST_FIELDS, "archived_sort", "is_shared")
        return rows


def _is_shared() -> Exists | Value:
    from conversations.models import SharedLink

    if not settings.ALLOW_SHARED_LINKS:
        return Value(None, output_field=models.BooleanField())
    return Exists(SharedLink.objects.filter(conversation=OuterRef("pk")).current())


class MessageQuerySet(models.QuerySet["Message"]):
    def owned_by(self, user: User) -> MessageQuerySet:
        return self.filter(user=user)

    def shown(self) -> MessageQuerySet:
        """Those of conversations that lists and searches show (contract 03 §15.3)."""
        is_current = Q(conversation__expired_at=None) | Q(
            conversation__expired_at__gt=timezone.now()
        )
        return self.filter(is_current, conversation__is_temporary=False)

    def found_rows(self, ids: Sequence[str]) -> models.QuerySet[Message, dict[str, Any]]:
        """Mappings for ``found_message_wire``, in no order."""
        rows: models.QuerySet[Message, dict[str, Any]] = (
            self.filter(pk__in=ids)
            .order_by()
            .values(*MESSAGE_FIELDS, "user_id", "conversation__title", "conversation__model")
        )
        return rows

    def of_conversation(self, user: User, conversation_id: str) -> MessageQuerySet:
        """All branches, oldest first."""
        return self.filter(
            user=user, conversation__user=user, conversation__conversation_id=conversation_id
        ).order_by("created_at", "id")

    def with_id(self, message_id: str) -> MessageQuerySet:
        return self.filter(message_id=message_id)

    def lock_rows(self) -> MessageQuerySet:
        return self.select_for_update(of=("self",)).order_by("pk")

    def rows(self) -> models.QuerySet[Message, dict[str, Any]]:
        """Mappings for ``message_wire``."""
        rows: models.QuerySet[Message, dict[str, Any]] = self.values(*MESSAGE_FIELDS)
        return rows


class GenerationQuerySet(models.QuerySet["Generation"]):
    def running(self) -> GenerationQuerySet:
        return self.filter(status="running")

    def owned_by(self, user: User) -> GenerationQuerySet:
        return self.filter(user=user)

    def of_conversation(self, conversation_id: str | Given) -> GenerationQuerySet:
        """Newest first."""
        return self.filter(conversation__conversation_id=conversation_id).order_by("-created_ms")

    def untitled(self, before: datetime) -> GenerationQuerySet:
        """First turns of the last day that ended ``before`` and whose chat still has no title."""
        yesterday = timezone.now() - timedelta(days=1)
        return self.filter(
            # Ids begin with their time, so this is a short range of the primary key.
            pk__gte=f"{int(yesterday.timestamp()):08x}",
            finished_at__lt=before,
            turn__is_new=True,
            conversation__title="New Chat",
            conversation__is_temporary=False,
        ).select_related("conversation")

    def silent_since(self, moment: datetime) -> GenerationQuerySet:
        """Running by their row, but their process has not said so since ``moment``."""
        return self.running().filter(heartbeat_at__lt=moment)


class TagQuerySet(models.QuerySet["Tag"]):
    def owned_by(self, user: User) -> TagQuerySet:
        return self.filter(user=user)

    def lock_rows(self) -> TagQuerySet:
        return self.select_for_update(of=("self",)).order_by("pk")

    def rows(self) -> models.QuerySet[Tag, dict[str, Any]]:
        """Mappings for ``tag_wire``."""
        rows: models.QuerySet[Tag, dict[str, Any]] = self.values(*TAG_FIELDS)
        return rows


class ProjectQuerySet(models.QuerySet["Project"]):
    def owned_by(self, user: User) -> ProjectQuerySet:
        return self.filter(user=user)

    def named(self, part: str) -> ProjectQuerySet:
        """Those whose name contains ``part``, in upper or lower case."""
        # SQLite fails on patterns of more than 50,000 bytes.
        fits = len(part) <= SEARCH_MAX_LENGTH
        return self.filter(name__icontains=part) if fits else self.none()

    def rows(self) -> models.QuerySet[Project, dict[str, Any]]:
        """Mappings for ``project_wire``: with what the project holds (contract 03 §1.5).

        ``last_activity`` is ``last_conversation_at``, or long ago, for sorting.
        """
        from conversations.models import Conversation

        shown = Conversation.objects.filter(project=OuterRef("pk"), is_archived=False).listed()
        newest = shown.order_by("-updated_at", "-id")
        counts = shown.order_by().values("project").annotate(count=Count("pk")).values("count")
        rows: models.QuerySet[Project, dict[str, Any]] = self.annotate(
            conversation_count=Coalesce(Subquery(counts), 0),
            last_conversation_at=Subquery(newest.values("updated_at")[:1]),
            last_conversation_id=Subquery(newest.values("conversation_id")[:1]),
            last_activity=Coalesce(
                Subquery(newest.values("updated_at")[:1]),
                Value(NEVER),
                output_field=models.DateTimeField(),
            ),
        ).values(*PROJECT_FIELDS)
        return rows


class MemoryQuerySet(models.QuerySet["Memory"]):
    def owned_by(self, user: User) -> MemoryQuerySet:
        return self.filter(user=user)

    def in_pool(self, agent_id: str = "") -> MemoryQuerySet:
        """Those of one agent, or, without one, those all chats share."""
        return self.filter(agent_id=agent_id)

    def token_count(self) -> int:
        """Their sum. One query."""
        return int(self.aggregate(total=Coalesce(Sum("token_count"), 0))["total"])

    def rows(self) -> models.QuerySet[Memory, dict[str, Any]]:
        """Mappings for ``memory_wire``, the latest change first."""
        rows: models.QuerySet[Memory, dict[str, Any]] = self.order_by("-updated_at", "-id").values(
            *MEMORY_FIELDS
        )
        return rows
