"""Wire shapes of sharing (contract 04 §12.2). The client takes no null: members are left out."""

from collections.abc import Iterable
from typing import cast

from accounts.access_roles import AccessRole, PrincipalType, ResourceType, access_role_of
from accounts.models import AccessEntry, Group, Role, User
from accounts.people_search import Found, Search
from accounts.services.access import Resource
from accounts.sharing_form import SharingForm
from librechat_backend.lib.json import JSONDict

# Everybody is known here; the client has another source, a directory at Microsoft.
SOURCE = "local"


def access_role_wire(role: AccessRole) -> JSONDict:
    """Names are keys of the client's translations."""
    return {
        "accessRoleId": role.id,
        "name": f"com_ui_role_{role.kind}",
        "description": f"com_ui_role_{role.kind}_desc",
        "permBits": role.bits.value,
    }


def resource_access_wire(resource: Resource, entries: Iterable[AccessEntry]) -> JSONDict:
    entries = list(entries)
    public = next((each for each in entries if each.principal_type == PrincipalType.PUBLIC), None)
    body: JSONDict = {
        "resourceType": resource.type,
        "resourceId": resource.id,
        "principals": _principals(entries),
        "public": public is not None,
    }
    return body | ({"publicAccessRoleId": _role_id(public)} if public else {})


def sharing_result_wire(form: SharingForm, entries: Iterable[AccessEntry]) -> JSONDict:
    results: JSONDict = {"principals": _principals(entries)}
    if form.is_public is not None:
        results["public"] = form.is_public
    if form.is_public:
        results["publicAccessRoleId"] = form.public_role_id
    return {"message": "Permissions updated successfully", "results": results}


def found_wire(found: Found) -> JSONDict:
    match found.row:
        case User():
            names = {"username": found.row.username, "provider": found.row.provider}
            return _person(found.row) | {name: text for name, text in names.items() if text}
        case Group():
            return _group(found.row) | {"memberCount": found.member_count}
    return _role(found.row)


def search_wire(search: Search, results: list[JSONDict]) -> JSONDict:
    return {
        "query": search.query,
        "limit": search.limit,
        "types": list(search.types) if search.types else None,
        "results": results,
        "count": len(results),
        "sources": {"local": len(results), "entra": 0},
    }


def _principals(entries: Iterable[AccessEntry]) -> list[JSONDict]:
    """All but everybody, whom the client shows as a switch."""
    return [
        _principal(entry) | {"accessRoleId": _role_id(entry)}
        for entry in entries
        if entry.principal_type != PrincipalType.PUBLIC
    ]


def _principal(entry: AccessEntry) -> JSONDict:
    if entry.user is not None:
        return _person(entry.user)
    return _group(entry.group) if entry.group is not None else _role(cast(Role, entry.role))


def _person(user: User) -> JSONDict:
    body = {"type": PrincipalType.USER, "name": user.display_name, "email": user.email}
    return body | _identity(user.pk) | ({"avatar": user.avatar} if user.avatar else {})


def _group(group: Group) -> JSONDict:
    body = {"type": PrincipalType.GROUP, "name": group.name}
    return body | _identity(group.object_id) | _description(group.description)


def _role(role: Role) -> JSONDict:
    body = {"type": PrincipalType.ROLE, "name": role.name}
    return body | _identity(role.name) | _description(role.description)


def _identity(id_: str) -> JSONDict:
    """The client's lists go by ``idOnTheSource``."""
    return {"id": id_, "source": SOURCE, "idOnTheSource": id_}


def _description(text: str) -> JSONDict:
    return {"description": text} if text else {}


def _role_id(entry: AccessEntry) -> str:
    return access_role_of(ResourceType(entry.resource_type), entry.bits).id
