"""What the client's share dialog sends (contract 04 §12.2)."""

from dataclasses import dataclass

from accounts.access_roles import PUBLIC, Principal, PrincipalType, ResourceType, find_access_role
from accounts.services.access import Grant, InvalidSharing
from librechat_backend.lib.json import JSONDict, JSONValue

PRINCIPALS_MAX = 500
ID_MAX_LENGTH = 64


@dataclass(frozen=True, slots=True)
class SharingForm:
    """``is_public`` None: nothing is said about everybody."""

    granted: list[Grant]
    revoked: list[Principal]
    is_public: bool | None
    public_role_id: str


def parse_sharing(resource_type: ResourceType, data: JSONValue) -> SharingForm:
    """``{updated, removed, public?, publicAccessRoleId?}``. Raises InvalidSharing."""
    fields = data if isinstance(data, dict) else {}
    is_public = fields.get("public")
    if not isinstance(is_public, bool | None):
        raise InvalidSharing("public: expected true or false")
    updated, removed = _entries(fields, "updated"), _entries(fields, "removed")
    granted = [
        _grant(resource_type, _principal(each), each.get("accessRoleId")) for each in updated
    ]
    revoked = [_principal(each) for each in removed]
    public_role_id = fields.get("publicAccessRoleId") or f"{resource_type}_viewer"
    if is_public:
        granted.append(_grant(resource_type, PUBLIC, public_role_id))
    elif is_public is False:
        revoked.append(PUBLIC)
    return SharingForm(granted, revoked, is_public, public_role_id)


def _entries(fields: JSONDict, name: str) -> list[JSONDict]:
    entries = fields.get(name, [])
    if not isinstance(entries, list) or not all(isinstance(each, dict) for each in entries):
        raise InvalidSharing(f"{name}: expected a list of principals")
    if len(entries) > PRINCIPALS_MAX:
        raise InvalidSharing(f"{name}: at most {PRINCIPALS_MAX} principals at once")
    return entries


def _principal(entry: JSONDict) -> Principal:
    try:
        type_ = PrincipalType(entry.get("type"))  # type: ignore[arg-type]
    except ValueError as error:
        raise InvalidSharing("type: expected user, group, role or public") from error
    if type_ is PrincipalType.PUBLIC:
        return PUBLIC
    id_ = entry.get("id")
    if not isinstance(id_, str) or not 0 < len(id_) <= ID_MAX_LENGTH:
        raise InvalidSharing("id: expected the id of a user or a group, or the name of a role")
    return Principal(type_, id_)


def _grant(resource_type: ResourceType, principal: Principal, role_id: JSONValue) -> Grant:
    role = find_access_role(resource_type, role_id)
    if role is None:
        raise InvalidSharing(f"accessRoleId: there is no such role for {resource_type}")
    return Grant(principal, role)
