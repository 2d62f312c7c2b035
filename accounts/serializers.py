"""Wire shapes of accounts."""

from accounts.models import User
from librechat_backend.lib.json import JSONDict
from librechat_backend.lib.times import to_iso


def user_wire(user: User) -> JSONDict:
    """The user object of contract 01 §4.9; no secret is ever a part of it."""
    return {
        "id": user.pk,
        "_id": user.pk,
        "email": user.email,
        "name": user.name or user.username,
        "username": user.username,
        "avatar": user.avatar or None,
        "role": user.role,
        "provider": user.provider,
        "emailVerified": user.email_verified,
        "twoFactorEnabled": user.two_factor_enabled,
        "personalization": user.personalization,
        "plugins": [],
        "favorites": user.favorites,
        "termsAccepted": user.terms_accepted_at is not None,
        "createdAt": to_iso(user.created_at),
        "updatedAt": to_iso(user.updated_at),
    }
