"""What can be shared, told by the apps that own it.

Accounts keeps who may do what with which resource, but knows no prompts, links or agents. The
app of a resource describes it with a ``Shareable``, and ``settings.SHAREABLE`` names the
description, so that nothing is imported upwards.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.conf import settings
from django.utils.module_loading import import_string

from accounts.access_roles import ResourceType
from accounts.permissions import PermissionType
from librechat_backend.lib.errors import InvalidRequest


@dataclass(frozen=True, slots=True)
class Shareable:
    """One type of resource.

    ``owner_of``: the id of the user a resource belongs to, None where there is no such resource.
    ``owned_by``: the ids of all resources of a user.
    ``permission_type``: the feature whose SHARE and SHARE_PUBLIC a person's role must allow.
    ``has_single_owner``: nobody else can be made an owner.
    """

    permission_type: PermissionType
    owner_of: Callable[[str], str | None]
    owned_by: Callable[[str], Iterable[str]]
    has_single_owner: bool = False


class UnsupportedType(InvalidRequest):
    def __init__(self, resource_type: str) -> None:
        super().__init__(
            "Bad Request", key="error", message=f"Unsupported resource type: {resource_type}"
        )


def parse_resource_type(text: str) -> ResourceType:
    """Raises UnsupportedType."""
    try:
        return ResourceType(text)
    except ValueError as error:
        raise UnsupportedType(text) from error


def find_shareable(resource_type: ResourceType) -> Shareable | None:
    """None for a type this release does not have."""
    path = settings.SHAREABLE.get(resource_type)
    return import_string(path) if path else None


def shareables() -> dict[ResourceType, Shareable]:
    """All types this release has."""
    return {ResourceType(name): import_string(path) for name, path in settings.SHAREABLE.items()}
