"""Accounts, roles, groups, and what people prefer."""

from collections.abc import Iterable
from typing import Any, cast

from allauth.socialaccount.models import SocialAccount

from accounts.models import FavoriteTool, Group, Membership, Role, ToolCredential, User
from conversations.models import Memory
from librechat_backend.lib.json import JSONDict
from moving.collections.sign_in import ISSUERS, SUBJECTS
from moving.leaving.leave import Leave, Leaving, Rows, derived_id, said
from moving.targets import Id

BCRYPT = "bcrypt$"


# -- Accounts ---------------------------------------------------------------------------------


def _accounts(leave: Leave) -> Rows:
    rows = User.objects.prefetch_related("socialaccount_set").select_related("authenticator")
    return rows if leave.owners is None else rows.filter(pk__in=leave.owners)


def _account(user: User, leave: Leave) -> JSONDict:
    return {
        "_id": Id(user.pk),
        "email": user.email,
        "username": user.username,
        **said(name=user.name, avatar=user.avatar, expiresAt=user.expires_at),
        "emailVerified": user.email_verified,
        "provider": user.provider,
        "role": user.role,
        **_password(user, leave),
        **_second_factor(user, leave),
        **_identities(cast(Any, user).socialaccount_set.all()),
        "plugins": user.plugins,
        "personalization": user.personalization,
        "favorites": user.favorites,
        "pinnedOrder": user.pinned_order,
        "skillStates": user.skill_states,
        "termsAccepted": user.terms_accepted_at is not None,
        "termsAcceptedAt": user.terms_accepted_at,
        "createdAt": user.created_at,
        "updatedAt": user.updated_at,
        "__v": 0,
    }


def _password(user: User, leave: Leave) -> JSONDict:
    """LibreChat knows bcrypt alone; of ours nobody can make that."""
    if user.password.startswith(BCRYPT):
        return {"password": user.password.removeprefix(BCRYPT)}
    if user.has_usable_password():
        leave.tally.note("needs a new password", user.email)
    return {}


def _second_factor(user: User, leave: Leave) -> JSONDict:
    """Backup codes are hashed under a key of this server."""
    if not user.two_factor_enabled:
        return {"twoFactorEnabled": False}
    authenticator = getattr(user, "authenticator", None)
    sealed = authenticator and leave.sealed(authenticator.secret, leave.secrets.seal_v3)
    if not sealed:
        leave.tally.note("loses the second factor: CREDS_KEY is needed", user.email, is_lost=True)
        return {"twoFactorEnabled": False}
    leave.tally.note("needs new backup codes", user.email)
    return {"twoFactorEnabled": True, "totpSecret": sealed, "backupCodes": []}


def _identities(linked: Iterable[SocialAccount]) -> JSONDict:
    found: JSONDict = {}
    for each in linked:
        provider, _, issuer = each.provider.partition(":")
        if provider in SUBJECTS:
            found[SUBJECTS[provider]] = each.uid
            found |= {ISSUERS[provider]: issuer} if issuer and provider in ISSUERS else {}
    return found


USERS = Leaving("users", _accounts, _account)


# -- Roles and groups -------------------------------------------------------------------------


def _roles(leave: Leave) -> Rows:
    return Role.objects.all()


def _role(role: Role, leave: Leave) -> JSONDict:
    return {
        "_id": derived_id("role", role.name),
        "name": role.name,
        "description": role.description,
        "permissions": role.permissions,
        "__v": 0,
    }


ROLES = Leaving("roles", _roles, _role)


def _groups(leave: Leave) -> Rows:
    """Without those that are the people of a role: the role leaves."""
    return Group.objects.exclude(object_id__in=list(leave.roles))


def _group(group: Group, leave: Leave) -> JSONDict | None:
    """LibreChat has no tree: whoever is below a group is in it."""
    members = leave.owned(Membership.objects.filter(group__in=leave.with_all_below(group.pk)))
    member_ids = list(members.order_by("user_id").values_list("user_id", flat=True).distinct())
    if leave.owners is not None and not member_ids:
        leave.tally.skip("nobody who was asked for is in it")
        return None
    if group.parent_id is not None:
        leave.tally.note("belongs to another group, which its people are written into", group.name)
    return {
        "_id": Id(group.object_id),
        "name": group.name,
        **said(description=group.description),
        "memberIds": member_ids,
        "source": "local",
        "createdAt": group.created_at,
        "updatedAt": group.updated_at,
        "__v": 0,
    }


GROUPS = Leaving("groups", _groups, _group)


# -- Small things -----------------------------------------------------------------------------


def _memories(leave: Leave) -> Rows:
    return leave.owned(Memory.objects.all())


def _memory(memory: Memory, leave: Leave) -> JSONDict:
    return {
        "_id": Id(memory.pk),
        "userId": Id(memory.user_id),
        **said(agentId=memory.agent_id),
        "key": memory.key,
        "value": memory.value,
        "tokenCount": memory.token_count,
        "updated_at": memory.updated_at,
        "__v": 0,
    }


MEMORIES = Leaving("memoryentries", _memories, _memory)


def _favorites(leave: Leave) -> Rows:
    return leave.owned(FavoriteTool.objects.all())


def _favorite(tool: FavoriteTool, leave: Leave) -> JSONDict:
    return {
        "_id": derived_id("favorite", tool.pk),
        "user": Id(tool.user_id),
        "itemType": tool.item_type,
        "itemId": tool.item_id,
        "createdAt": tool.created_at,
        "updatedAt": tool.created_at,
        "__v": 0,
    }


FAVORITES = Leaving("toolfavorites", _favorites, _favorite)


def _credentials(leave: Leave) -> Rows:
    return leave.owned(ToolCredential.objects.all())


def _credential(credential: ToolCredential, leave: Leave) -> JSONDict | None:
    sealed = leave.sealed(credential.value, leave.secrets.seal_v1)
    if sealed is None:
        leave.tally.skip("secrets need CREDS_KEY and CREDS_IV", str(credential), is_lost=True)
        return None
    return {
        "_id": derived_id("credential", credential.pk),
        "userId": credential.user_id,
        "pluginKey": credential.plugin_key,
        "authField": credential.field,
        "value": sealed,
        "createdAt": credential.updated_at,
        "updatedAt": credential.updated_at,
        "__v": 0,
    }


CREDENTIALS = Leaving("pluginauths", _credentials, _credential)
