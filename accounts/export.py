"""All that is kept about a person here, for themselves.

Secrets are left out: hashes, keys and codes help nobody but a thief. The apps above export what
they keep; together they are the person's data.
"""

from datetime import datetime
from typing import Any

from allauth.socialaccount.models import SocialAccount
from django.db.models import Manager

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
        "second_factor": _second_factor(user),
        "open_mailed_links": _rows(user.one_time_tokens, "purpose", "email", "expires_at"),
        "invited": _rows(user.invitations, "email", "created_at"),
        "violations": _rows(user.violations, "kind", "score", "updated_at"),
        "bans": _rows(user.bans, "reason", "ip_address", "created_at", "expires_at"),
        "tools": _tools(user),
        "access": _rows(user.access_entries, "resource_type", "resource_id", "bits", "granted_at"),
    }


def _rows(manager: Manager[Any], *names: str) -> list[JSONValue]:
    rows = manager.order_by("pk").values(*names)
    return [{name: _json(value) for name, value in row.items()} for row in rows]


def _json(value: Any) -> JSONValue:
    return to_iso(value) if isinstance(value, datetime) else value


def _second_factor(user: User) -> JSONDict:
    unused = user.backup_codes.filter(is_pending=False, used_at__isnull=True)
    return {"is_enabled": user.two_factor_enabled, "unused_backup_codes": unused.count()}


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
