"""Sharing: what can be shared, with whom, and what that allows (contract 04 §12)."""

from dataclasses import dataclass
from enum import IntFlag, StrEnum


class ResourceType(StrEnum):
    AGENT = "agent"
    REMOTE_AGENT = "remoteAgent"
    PROMPT_GROUP = "promptGroup"
    MCP_SERVER = "mcpServer"
    SKILL = "skill"
    SHARED_LINK = "sharedLink"
    CODE_ENVIRONMENT = "codeEnvironment"


class PrincipalType(StrEnum):
    PUBLIC = "public"
    USER = "user"
    GROUP = "group"
    ROLE = "role"


class AccessBits(IntFlag):
    NONE = 0
    VIEW = 1
    EDIT = 2
    DELETE = 4
    SHARE = 8


OWNER_BITS = AccessBits.VIEW | AccessBits.EDIT | AccessBits.DELETE | AccessBits.SHARE


@dataclass(frozen=True, slots=True)
class Principal:
    """``id``: of a user or a group (24 hexadecimal digits), a role's name, empty for the public."""

    type: PrincipalType
    id: str = ""


PUBLIC = Principal(PrincipalType.PUBLIC)


@dataclass(frozen=True, slots=True)
class AccessRole:
    """A set of bits with a name; people choose among these. ``id`` as in ``agent_viewer``."""

    id: str
    kind: str
    bits: AccessBits


_KINDS = {
    "viewer": AccessBits.VIEW,
    "editor": AccessBits.VIEW | AccessBits.EDIT,
    "owner": OWNER_BITS,
}


def access_roles(resource_type: ResourceType) -> tuple[AccessRole, ...]:
    """From the least to the most. What a link shows is a copy: nobody edits it."""
    return tuple(
        AccessRole(f"{resource_type}_{kind}", kind, bits)
        for kind, bits in _KINDS.items()
        if not (resource_type is ResourceType.SHARED_LINK and kind == "editor")
    )


def find_access_role(resource_type: ResourceType, role_id: object) -> AccessRole | None:
    return next((role for role in access_roles(resource_type) if role.id == role_id), None)


def access_role_of(resource_type: ResourceType, bits: int) -> AccessRole:
    """The greatest role that ``bits`` contain; the least for bits that contain none."""
    roles = access_roles(resource_type)
    contained = [role for role in roles if role.bits & bits == role.bits]
    return contained[-1] if contained else roles[0]
