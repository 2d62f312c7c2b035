"""Who may do what with prompts and links."""

from accounts.access_roles import PrincipalType
from accounts.models import AccessEntry
from librechat_backend.lib.ids import is_object_id
from librechat_backend.lib.json import JSONDict
from moving.leaving.leave import Leave, Leaving, Rows, derived_id
from moving.targets import Id

_MODELS = {
    PrincipalType.USER: "User", PrincipalType.GROUP: "Group", PrincipalType.ROLE: "Role",
}  # fmt: skip


def _entries(leave: Leave) -> Rows:
    """Of those who were asked for: what they have let others do, and what others let them."""
    rows = AccessEntry.objects.select_related("group")
    if leave.owners is None:
        return rows
    return rows.filter(granted_by__in=leave.owners) | rows.filter(user__in=leave.owners)


def _entry(entry: AccessEntry, leave: Leave) -> JSONDict | None:
    if not is_object_id(entry.resource_id):
        leave.tally.skip("what it is about has no id LibreChat could have", entry.resource_type)
        return None
    return {
        "_id": derived_id("access", entry.pk),
        **_principal(entry),
        "resourceType": entry.resource_type,
        "resourceId": Id(entry.resource_id),
        "permBits": entry.bits,
        **({"grantedBy": Id(entry.granted_by_id)} if entry.granted_by_id else {}),
        "grantedAt": entry.granted_at,
        "createdAt": entry.granted_at,
        "updatedAt": entry.granted_at,
        "__v": 0,
    }


def _principal(entry: AccessEntry) -> JSONDict:
    principal = entry.principal
    found: JSONDict = {"principalType": principal.type.value}
    if principal.type is PrincipalType.PUBLIC:
        return found
    is_role = principal.type is PrincipalType.ROLE
    found["principalId"] = principal.id if is_role else Id(principal.id)
    return found | {"principalModel": _MODELS[principal.type]}


ACCESS = Leaving("aclentries", _entries, _entry)
