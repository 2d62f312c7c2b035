"""Which features of the client a role shows (contract 01 §5.3, 04 §11.2).

A feature is on when the release has it built and the person's role allows it. What nobody
mentions is off.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from django.db.models import CharField

from accounts.models import Role, User
from accounts.models.user import ROLE_ADMIN, ROLE_USER
from librechat_backend.lib.compiled import CompiledQuery, Given
from librechat_backend.lib.errors import Forbidden, InvalidRequest, NotFound
from librechat_backend.lib.json import JSONValue
from librechat_backend.lib.together import Statement

Matrix = dict[str, dict[str, bool]]


class PermissionType(StrEnum):
    PROMPTS = "PROMPTS"
    BOOKMARKS = "BOOKMARKS"
    MEMORIES = "MEMORIES"
    AGENTS = "AGENTS"
    MULTI_CONVO = "MULTI_CONVO"
    TEMPORARY_CHAT = "TEMPORARY_CHAT"
    RUN_CODE = "RUN_CODE"
    WEB_SEARCH = "WEB_SEARCH"
    PEOPLE_PICKER = "PEOPLE_PICKER"
    MARKETPLACE = "MARKETPLACE"
    FILE_SEARCH = "FILE_SEARCH"
    FILE_CITATIONS = "FILE_CITATIONS"
    MCP_SERVERS = "MCP_SERVERS"
    REMOTE_AGENTS = "REMOTE_AGENTS"
    SKILLS = "SKILLS"
    SHARED_LINKS = "SHARED_LINKS"
    SCHEDULES = "SCHEDULES"


class Bit(StrEnum):
    USE = "USE"
    CREATE = "CREATE"
    UPDATE = "UPDATE"
    READ = "READ"
    SHARE = "SHARE"
    SHARE_PUBLIC = "SHARE_PUBLIC"
    OPT_OUT = "OPT_OUT"
    CONFIGURE_OBO = "CONFIGURE_OBO"
    VIEW_USERS = "VIEW_USERS"
    VIEW_GROUPS = "VIEW_GROUPS"
    VIEW_ROLES = "VIEW_ROLES"


# What this release has. No stored row can switch on anything else.
BUILT = frozenset(
    {
        (PermissionType.BOOKMARKS, Bit.USE),
        (PermissionType.TEMPORARY_CHAT, Bit.USE),
        (PermissionType.MULTI_CONVO, Bit.USE),
        (PermissionType.MEMORIES, Bit.USE),
        (PermissionType.MEMORIES, Bit.CREATE),
        (PermissionType.MEMORIES, Bit.UPDATE),
        (PermissionType.MEMORIES, Bit.READ),
        (PermissionType.MEMORIES, Bit.OPT_OUT),
        (PermissionType.PEOPLE_PICKER, Bit.VIEW_USERS),
        (PermissionType.PEOPLE_PICKER, Bit.VIEW_GROUPS),
        (PermissionType.PEOPLE_PICKER, Bit.VIEW_ROLES),
        (PermissionType.PROMPTS, Bit.USE),
        (PermissionType.PROMPTS, Bit.CREATE),
        (PermissionType.PROMPTS, Bit.SHARE),
        (PermissionType.PROMPTS, Bit.SHARE_PUBLIC),
        (PermissionType.SHARED_LINKS, Bit.CREATE),
        (PermissionType.SHARED_LINKS, Bit.SHARE),
        (PermissionType.SHARED_LINKS, Bit.SHARE_PUBLIC),
        # By this bit the client shows API keys in its settings.
        (PermissionType.REMOTE_AGENTS, Bit.USE),
    }
)

_OWN = {Bit.USE: True, Bit.CREATE: True, Bit.SHARE: False, Bit.SHARE_PUBLIC: False}

USER_DEFAULTS: dict[PermissionType, dict[Bit, bool]] = {
    PermissionType.PROMPTS: _OWN,
    PermissionType.BOOKMARKS: {Bit.USE: True},
    PermissionType.MEMORIES: {
        Bit.USE: True,
        Bit.CREATE: True,
        Bit.UPDATE: True,
        Bit.READ: True,
        Bit.OPT_OUT: True,
    },
    PermissionType.AGENTS: _OWN,
    PermissionType.MULTI_CONVO: {Bit.USE: True},
    PermissionType.TEMPORARY_CHAT: {Bit.USE: True},
    PermissionType.RUN_CODE: {Bit.USE: True},
    PermissionType.WEB_SEARCH: {Bit.USE: True},
    PermissionType.PEOPLE_PICKER: {
        Bit.VIEW_USERS: False,
        Bit.VIEW_GROUPS: False,
        Bit.VIEW_ROLES: False,
    },
    PermissionType.MARKETPLACE: {Bit.USE: False},
    PermissionType.FILE_SEARCH: {Bit.USE: True},
    PermissionType.FILE_CITATIONS: {Bit.USE: True},
    PermissionType.MCP_SERVERS: {
        Bit.USE: True,
        Bit.CREATE: False,
        Bit.SHARE: False,
        Bit.SHARE_PUBLIC: False,
        Bit.CONFIGURE_OBO: False,
    },
    PermissionType.REMOTE_AGENTS: dict.fromkeys(_OWN, False),
    PermissionType.SKILLS: _OWN,
    PermissionType.SHARED_LINKS: {Bit.CREATE: True, Bit.SHARE: True, Bit.SHARE_PUBLIC: True},
    PermissionType.SCHEDULES: {Bit.USE: True, Bit.CREATE: True},
}


# Last part of the address of a feature's own permissions (04 §11.3).
FEATURES = {
    str(type_).lower().replace("_", "-"): type_
    for type_ in (
        PermissionType.PROMPTS,
        PermissionType.AGENTS,
        PermissionType.MEMORIES,
        PermissionType.PEOPLE_PICKER,
        PermissionType.MCP_SERVERS,
        PermissionType.MARKETPLACE,
        PermissionType.REMOTE_AGENTS,
        PermissionType.SKILLS,
    )
}


def feature_type(feature: str) -> PermissionType:
    """Raises NotFound, as for any path there is not."""
    if feature not in FEATURES:
        raise NotFound("Endpoint not found")
    return FEATURES[feature]


def parse_bits(type_: PermissionType, data: JSONValue) -> dict[Bit, bool]:
    """A part of the bits of ``type_``; raises InvalidRequest for anything else."""
    known = {str(bit): bit for bit in USER_DEFAULTS[type_]}
    given = data if isinstance(data, dict) else {"": None}
    wrong = [name for name, value in given.items() if name not in known or type(value) is not bool]
    if wrong:
        raise InvalidRequest(f"Invalid {type_.lower()} permissions.", error=sorted(wrong))
    return {known[name]: value is True for name, value in given.items()}


def default_permission(role_name: str, type_: PermissionType, bit: Bit) -> bool:
    """What holds where no row says otherwise; a role of one's own starts with nothing."""
    if role_name == ROLE_ADMIN:
        return True
    return role_name == ROLE_USER and USER_DEFAULTS[type_][bit]


def effective_permissions(role_name: str, stored: Mapping[str, object]) -> Matrix:
    """The complete matrix of a role whose row holds ``stored``; only ``True`` grants."""

    def allowed(type_: PermissionType, bit: Bit) -> bool:
        bits = stored.get(type_)
        default = default_permission(role_name, type_, bit)
        chosen = bits.get(bit, default) if isinstance(bits, dict) else default
        return (type_, bit) in BUILT and chosen is True

    return {
        str(type_): {str(bit): allowed(type_, bit) for bit in bits}
        for type_, bits in USER_DEFAULTS.items()
    }


def with_granted(
    stored: Mapping[str, Mapping[str, bool]], granted: set[tuple[PermissionType, Bit]]
) -> Matrix:
    """``stored`` with exactly ``granted`` of the built bits; what it says of others is kept."""
    matrix = {type_: dict(bits) for type_, bits in stored.items()}
    for type_, bit in BUILT:
        matrix.setdefault(str(type_), {})[str(bit)] = (type_, bit) in granted
    return matrix


@dataclass(frozen=True, slots=True)
class RolePermissions:
    name: str
    description: str
    permissions: Matrix


_ROLE = CompiledQuery(lambda: Role.objects.filter(name=Given("name", CharField()))[:1])


def read_role(name: str) -> RolePermissions:
    """A role with its complete matrix; one query. Raises NotFound.

    The two built-in roles exist without a row too, with their defaults.
    """
    row = _ROLE.first(name=name)
    if row is None and name not in (ROLE_USER, ROLE_ADMIN):
        raise NotFound("Role not found")
    description = row.description if row else ""
    return RolePermissions(name, description, effective_permissions(name, _stored(row)))


def _stored(row: Role | None) -> Mapping[str, object]:
    return row.permissions if row and isinstance(row.permissions, dict) else {}


def may_read_role(user: User, name: str) -> bool:
    """Everybody needs USER (the client asks for it always) and their own."""
    return user.role == ROLE_ADMIN or name in (ROLE_USER, user.role)


def matrix_of(user: User) -> Matrix:
    """What the role of ``user`` allows; a role that is gone allows nothing. One query."""
    try:
        return read_role(user.role).permissions
    except NotFound:
        return effective_permissions(user.role, {})


def has_permission(user: User, type_: str, bit: str, *more: str) -> bool:
    """Whether the role of ``user`` allows all the bits; unknown names are denied. One query."""
    granted = matrix_of(user).get(type_, {})
    return all(granted.get(each, False) for each in (bit, *more))


def asking_for_role(user: User) -> Statement[list[Role]]:
    """As :func:`has_permission`, to be asked together with others; see :func:`role_allows`."""
    return _ROLE.asking(name=user.role)


def role_allows(user: User, told: Sequence[Role], type_: PermissionType, bit: Bit) -> bool:
    """``told`` is the answer to :func:`asking_for_role`."""
    stored = _stored(next(iter(told), None))
    return effective_permissions(user.role, stored)[type_][bit]


def require_permission(user: User, type_: str, *bits: str) -> None:
    """All of ``bits``, or Forbidden is raised. One query."""
    if not has_permission(user, type_, *bits):
        raise Forbidden("Forbidden: Insufficient permissions")
