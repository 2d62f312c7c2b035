"""What of this app people can share with each other (accounts/shareable.py)."""

from accounts.permissions import PermissionType
from accounts.shareable import Shareable
from conversations.models import PromptGroup, SharedLink


def _owner_of_link(link_id: str) -> str | None:
    return SharedLink.objects.filter(pk=link_id).values_list("user_id", flat=True).first()


SHARED_LINKS = Shareable(
    permission_type=PermissionType.SHARED_LINKS,
    owner_of=_owner_of_link,
    owned_by=lambda user_id: SharedLink.objects.filter(user=user_id).values_list("pk", flat=True),
    has_single_owner=True,
)


def _owner_of_group(group_id: str) -> str | None:
    return PromptGroup.objects.filter(pk=group_id).values_list("user_id", flat=True).first()


PROMPT_GROUPS = Shareable(
    permission_type=PermissionType.PROMPTS,
    owner_of=_owner_of_group,
    owned_by=lambda user_id: PromptGroup.objects.filter(user=user_id).values_list("pk", flat=True),
)
