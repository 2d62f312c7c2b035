"""Reads of the library of prompts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Exists, OuterRef

from accounts.access_roles import AccessBits, PrincipalType, ResourceType
from accounts.models import AccessEntry
from conversations.querysets import SEARCH_MAX_LENGTH

if TYPE_CHECKING:
    from accounts.models import User
    from conversations.models import Prompt, PromptGroup  # noqa: F401

GROUP_FIELDS = (
    "id", "user_id", "author_name", "name", "oneliner", "category", "command", "production_id",
    "usage_count", "created_at", "updated_at", "is_public",
)  # fmt: skip
PRODUCTION_FIELDS = ("production__text",)
PROMPT_FIELDS = (
    "id", "group_id", "user_id", "text", "kind", "labels", "created_at", "updated_at",
)  # fmt: skip


class PromptGroupQuerySet(models.QuerySet["PromptGroup"]):
    def allowing(self, user: User, bit: AccessBits = AccessBits.VIEW) -> PromptGroupQuerySet:
        """Those on which ``user`` has ``bit``, a single one."""
        ids = AccessEntry.objects.resource_ids(user, ResourceType.PROMPT_GROUP, bit)
        return self.filter(pk__in=ids)

    def owned_by(self, user: User) -> PromptGroupQuerySet:
        return self.filter(user=user)

    def not_owned_by(self, user: User) -> PromptGroupQuerySet:
        return self.exclude(user=user)

    def named(self, part: str) -> PromptGroupQuerySet:
        """Those whose name contains ``part``, in upper or lower case."""
        # SQLite fails on patterns of more than 50,000 bytes.
        fits = len(part) <= SEARCH_MAX_LENGTH
        return self.filter(name__icontains=part) if fits else self.none()

    def in_category(self, category: str) -> PromptGroupQuerySet:
        """Those of a category, or, for an empty one, those of none."""
        return self.filter(category=category)

    def lock_rows(self) -> PromptGroupQuerySet:
        return self.select_for_update(of=("self",)).order_by("pk")

    def rows(self) -> models.QuerySet[PromptGroup, dict[str, Any]]:
        """Mappings for ``prompt_group_wire``; ``production__text`` is that of the version in use.

        The most used first, among equals the latest change.
        """
        public = AccessEntry.objects.filter(
            resource_type=ResourceType.PROMPT_GROUP,
            resource_id=OuterRef("pk"),
            principal_type=PrincipalType.PUBLIC,
        )
        rows: models.QuerySet[PromptGroup, dict[str, Any]] = self.annotate(
            is_public=Exists(public)
        ).values(*GROUP_FIELDS, *PRODUCTION_FIELDS)
        return rows


class PromptQuerySet(models.QuerySet["Prompt"]):
    def rows(self) -> models.QuerySet[Prompt, dict[str, Any]]:
        """Mappings for ``prompt_wire``, the newest first."""
        rows: models.QuerySet[Prompt, dict[str, Any]] = self.order_by("-created_at", "-id").values(
            *PROMPT_FIELDS
        )
        return rows
