"""Wire shapes of accounts."""

from accounts.models import RefreshSession, User
from accounts.permissions import RolePermissions
from accounts.tokens import issue_access_token
from librechat_backend.lib.json import JSONDict
from librechat_backend.lib.times import to_iso


def user_wire(user: User) -> JSONDict:
    """The user object of contract 01 §4.9; no secret is ever a part of it."""
    return {
        "id": user.pk,
        "_id": user.pk,
        "email": user.email,
        "name": user.name or user.username,
        "username": user.username or None,
        "avatar": user.avatar or None,
        "role": user.role,
        "provider": user.provider,
        "emailVerified": user.email_verified,
        "twoFactorEnabled": user.two_factor_enabled,
        "personalization": user.personalization,
        "plugins": user.plugins,
        "favorites": user.favorites,
        "termsAccepted": user.terms_accepted_at is not None,
        "createdAt": to_iso(user.created_at),
        "updatedAt": to_iso(user.updated_at),
    }


def session_wire(user: User) -> JSONDict:
    """What signing in and refreshing answer (contract 01 §4.2, §4.3)."""
    return {"token": issue_access_token(user), "user": user_wire(user)}


def logout_wire(provider_url: str) -> JSONDict:
    """``redirect``, where the client goes to sign out at the provider as well (§4.4)."""
    return {"message": "Logout successful"} | ({"redirect": provider_url} if provider_url else {})


def role_wire(role: RolePermissions) -> JSONDict:
    """Contract 01 §5.3."""
    return {"name": role.name, "description": role.description, "permissions": role.permissions}


def device_wire(session: RefreshSession, *, is_current: bool) -> JSONDict:
    return {
        "id": session.pk,
        "ipAddress": session.ip_address,
        "userAgent": session.user_agent,
        "isCurrent": is_current,
        "createdAt": to_iso(session.created_at),
        "refreshedAt": to_iso(session.rotated_at),
        "expiresAt": to_iso(session.expires_at),
    }


def favorite_tool_wire(item_type: str, item_id: str) -> JSONDict:
    return {"itemType": item_type, "itemId": item_id}


def backup_codes_wire(user: User, codes: list[str]) -> JSONDict:
    """New codes, which are shown this once (contract 01 §4.8)."""
    hashes = user.backup_codes.filter(is_pending=False).values_list("code_hash", flat=True)
    return {
        "backupCodes": codes,
        "backupCodesHash": [
            {"codeHash": code_hash, "used": False, "usedAt": None} for code_hash in hashes
        ],
    }
