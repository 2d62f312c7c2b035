"""All that is kept about a person here, for themselves.

Secrets are left out: hashes, keys and codes help nobody but a thief. The apps above export what
they keep; together they are the person's data.
"""

from allauth.socialaccount.models import SocialAccount

from accounts.models import User
from librechat_backend.lib.json import JSONDict, JSONValue
from librechat_backend.lib.times import to_iso


def export_account(user: User) -> JSONDict:
    """JSON values. Constant number of queries."""
    return {
        "profile": _profile(user),
        "preferences": _preferences(user),
        "groups": _groups(user),
        "devices": _devices(user),
        "identities": _identities(user),
        "second_factor": {
            "is_enabled": user.two_factor_enabled,
            "unused_backup_codes": user.backup_codes.filter(
                is_pending=False, used_at__isnull=True
            ).count(),
        },
        "open_mailed_links": [
            {"purpose": row.purpose, "email": row.email, "expires_at": to_iso(row.expires_at)}
            for row in user.one_time_tokens.order_by("pk")
        ],
        "invited": [
            {"email": row.email, "created_at": to_iso(row.created_at)}
            for row in user.invitations.order_by("pk")
        ],
        "violations": [
            {"kind": row.kind, "score": row.score, "updated_at": to_iso(row.updated_at)}
            for row in user.violations.order_by("pk")
        ],
        "bans": [
            {
                "reason": row.reason,
                "ip_address": row.ip_address,
                "created_at": to_iso(row.created_at),
                "expires_at": to_iso(row.expires_at),
            }
            for row in user.bans.order_by("pk")
        ],
        "tools": _tools(user),
        "access": [
            {
                "resource_type": row.resource_type,
                "resource_id": row.resource_id,
                "bits": row.bits,
                "granted_at": to_iso(row.granted_at),
            }
            for row in user.access_entries.order_by("pk")
        ],
    }


def _profile(user: User) -> JSONDict:
    texts = ("id", "email", "name", "username", "avatar", "role", "provider")
    flags = ("email_verified", "is_active", "is_staff", "awaits_approval")
    dates = ("created_at", "updated_at", "last_login", "terms_accepted_at")
    return {
        **{name: getattr(user, name) for name in (*texts, *flags)},
        **{name: to_iso(getattr(user, name)) for name in dates},
    }


def _preferences(user: User) -> JSONDict:
    names = ("personalization", "favorites", "pinned_order", "plugins", "skill_states")
    return {name: getattr(user, name) for name in names}


def _groups(user: User) -> list[JSONValue]:
    return [
        {
            "name": row.group.name,
            "role": row.role,
            "source": row.source,
            "since": to_iso(row.created_at),
        }
        for row in user.memberships.select_related("group").order_by("group__name")
    ]


def _devices(user: User) -> list[JSONValue]:
    """Those of the chat, and of the administration, of which only the end is known."""
    chat = [
        {
            "signed_in_to": "chat",
            "ip_address": row.ip_address,
            "user_agent": row.user_agent,
            "created_at": to_iso(row.created_at),
            "refreshed_at": to_iso(row.rotated_at),
            "expires_at": to_iso(row.expires_at),
        }
        for row in user.refresh_sessions.all()
    ]
    administration = [
        {"signed_in_to": "administration", "expires_at": to_iso(row.expire_date)}
        for row in user.admin_sessions.order_by("expire_date")
    ]
    return [*chat, *administration]


def _identities(user: User) -> list[JSONValue]:
    """What providers of sign-ins know the person as."""
    return [
        {
            "provider": row.provider,
            "subject": row.uid,
            "email": row.extra_data.get("email", ""),
            "linked_at": to_iso(row.date_joined),
            "used_at": to_iso(row.last_login),
        }
        for row in SocialAccount.objects.filter(user=user).order_by("pk")
    ]


def _tools(user: User) -> JSONDict:
    return {
        "favorites": [
            {"type": row.item_type, "id": row.item_id} for row in user.favorite_tools.all()
        ],
        "credentials": [
            {"tool": row.plugin_key, "field": row.field, "updated_at": to_iso(row.updated_at)}
            for row in user.tool_credentials.all()
        ],
    }
