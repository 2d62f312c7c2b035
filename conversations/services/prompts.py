"""Changes to the library of prompts (contract 03 §13).

The row of a group is what two wait for who change its versions at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.access_roles import AccessBits, ResourceType
from accounts.models import User
from accounts.services import access
from conversations.models import Prompt, PromptGroup
from conversations.prompt_querysets import PromptGroupQuerySet
from librechat_backend.lib.errors import NotFound

TYPE = ResourceType.PROMPT_GROUP


@dataclass(frozen=True, slots=True)
class Version:
    """``kind`` is one of Prompt.Kind."""

    text: str
    kind: str = Prompt.Kind.TEXT


@transaction.atomic
def create_group(*, user: User, version: Version, columns: Mapping[str, str]) -> PromptGroup:
    """A group of ``user``, with ``columns``, whose first version is the one in use."""
    now = timezone.now()
    group = PromptGroup.objects.create(
        user=user,
        author_name=user.name or user.username,
        created_at=now,
        updated_at=now,
        **columns,
    )
    group.production = _add(group, user, version)
    group.save(update_fields=["production"])
    access.make_owner(user=user, resource_type=TYPE, resource_id=group.pk)
    return group


@transaction.atomic
def add_version(*, user: User, group_id: str, version: Version) -> Prompt:
    """A new version, which is not in use yet. Raises NotFound, Forbidden."""
    group = _lock(user, group_id, AccessBits.EDIT)
    prompt = _add(group, user, version)
    _touch(group)
    return prompt


@transaction.atomic
def update_group(*, user: User, group_id: str, columns: Mapping[str, str]) -> None:
    """Change what ``columns`` name. Raises NotFound, Forbidden."""
    group = _lock(user, group_id, AccessBits.EDIT)
    _touch(group, **columns)


@transaction.atomic
def put_in_use(*, user: User, prompt_id: str) -> None:
    """Make a version the one in use. Raises NotFound, Forbidden."""
    prompt = _find(prompt_id)
    group = _lock(user, prompt.group_id, AccessBits.EDIT)
    prompt = _find(prompt_id)  # it may have gone meanwhile
    _touch(group, production=prompt)


@transaction.atomic
def set_labels(*, user: User, prompt_id: str, labels: list[str]) -> None:
    """Raises NotFound, Forbidden."""
    prompt = _find(prompt_id)
    _lock(user, prompt.group_id, AccessBits.EDIT)
    Prompt.objects.filter(pk=prompt_id).update(labels=labels, updated_at=timezone.now())


@transaction.atomic
def delete_version(*, user: User, group_id: str, prompt_id: str) -> bool:
    """Whether it was the last one, so that its group went, too.

    When the version in use goes, the newest of the rest takes over. Raises NotFound, Forbidden.
    """
    group = _lock(user, group_id, AccessBits.DELETE)
    versions = Prompt.objects.filter(group=group).order_by("-created_at", "-id")
    prompt = versions.filter(pk=prompt_id).first()
    if prompt is None:
        raise group_not_found()
    newest = versions.exclude(pk=prompt_id).first()
    if newest is None:
        delete_groups(groups=PromptGroup.objects.filter(pk=group.pk))
        return True
    _touch(group, production=newest if group.production_id == prompt.pk else group.production)
    prompt.delete()
    return False


@transaction.atomic
def delete_group(*, user: User, group_id: str) -> None:
    """With all its versions. Raises NotFound, Forbidden."""
    group = _lock(user, group_id, AccessBits.DELETE)
    delete_groups(groups=PromptGroup.objects.filter(pk=group.pk))


@transaction.atomic
def delete_groups(*, groups: PromptGroupQuerySet) -> None:
    """With all their versions and who may see them, whoever owns them."""
    ids = list(groups.values_list("pk", flat=True))
    PromptGroup.objects.filter(pk__in=ids).delete()
    access.forget_resources(resource_type=TYPE, resource_ids=ids)


def record_usage(*, user: User, group_id: str) -> int:
    """Count that a prompt was sent; how often that happened by now. Raises NotFound."""
    require_access(user, group_id)
    groups = PromptGroup.objects.filter(pk=group_id)
    groups.update(usage_count=F("usage_count") + 1)
    count = groups.values_list("usage_count", flat=True).first()
    if count is None:
        raise group_not_found()
    return count


def require_access(user: User, group_id: str, bits: AccessBits = AccessBits.VIEW) -> None:
    """Raises NotFound for what the user may not even see, Forbidden. One query."""
    access.require_access(user=user, resource_type=TYPE, resource_id=group_id, bits=bits)


def group_not_found() -> NotFound:
    """Of versions, too: nobody learns that one exists by another text."""
    return NotFound("Not Found", key="error", message=f"{TYPE} not found")


def _find(prompt_id: str) -> Prompt:
    prompt = Prompt.objects.filter(pk=prompt_id).first()
    if prompt is None:
        raise group_not_found()
    return prompt


def _lock(user: User, group_id: str, bits: AccessBits) -> PromptGroup:
    require_access(user, group_id, bits)
    group = PromptGroup.objects.filter(pk=group_id).lock_rows().first()
    if group is None:
        raise group_not_found()
    return group


def _add(group: PromptGroup, user: User, version: Version) -> Prompt:
    now = timezone.now()
    return Prompt.objects.create(
        group=group,
        user=user,
        text=version.text,
        kind=version.kind,
        created_at=now,
        updated_at=now,
    )


def _touch(group: PromptGroup, **columns: Any) -> None:
    PromptGroup.objects.filter(pk=group.pk).update(updated_at=timezone.now(), **columns)
