"""Shared links taken back, at once (contract 03 §9.6)."""

from django.db import transaction

from accounts.access_roles import ResourceType
from accounts.models import User
from accounts.services import access
from conversations.models import SharedLink
from conversations.share_querysets import SharedLinkQuerySet
from librechat_backend.lib.errors import NotFound


def delete_own_link(*, user: User, share_id: str) -> str:
    """Its primary key. Raises NotFound."""
    ids = delete_links(links=SharedLink.objects.owned_by(user).filter(share_id=share_id))
    if not ids:
        raise link_not_found()
    return ids[0]


@transaction.atomic
def delete_links(*, links: SharedLinkQuerySet) -> list[str]:
    """Delete them and who may open them; their primary keys."""
    ids = list(links.values_list("pk", flat=True))
    if ids:
        SharedLink.objects.filter(pk__in=ids).delete()
        access.forget_resources(resource_type=ResourceType.SHARED_LINK, resource_ids=ids)
    return ids


def link_not_found() -> NotFound:
    return NotFound("Share not found")
