"""Accounts, keys and channels as the console writes them."""

from datetime import datetime

from django.utils import timezone

from accounts.models import User
from accounts.models.user import ROLE_ADMIN
from gateway.models import ApiToken
from librechat_backend.lib.json import JSONDict
from providers.models import Channel
from providers.registry import SERVICES

NEVER = -1
ENABLED, DISABLED, EXPIRED = 1, 2, 3
_ROLE_COMMON, _ROLE_ADMIN = 1, 10

# The numbers of the document; every other service is "custom".
TYPE_BY_KIND = {"openai": 1, "azure": 3, "anthropic": 14, "google": 24}
CUSTOM_TYPE = 99
KIND_BY_TYPE = {number: kind for kind, number in TYPE_BY_KIND.items()} | {
    CUSTOM_TYPE: "compatible", 8: "compatible", 37: "cloudflare",
}  # fmt: skip


def user_wire(
    user: User, *, used_tokens: int, requests: int, credits: int | None, groups: list[str]
) -> JSONDict:
    """``used_quota`` is in tokens, over all keys and the chat; ``quota`` in credits, None where
    the person has no balance."""
    return {
        "id": user.id,
        "username": user.username,
        "display_name": user.display_name,
        "email": user.email,
        "role": _ROLE_ADMIN if user.role == ROLE_ADMIN else _ROLE_COMMON,
        "status": ENABLED,
        "quota": credits,
        "used_quota": used_tokens,
        "request_count": requests,
        "groups": groups,
    }


def token_wire(token: ApiToken) -> JSONDict:
    """The key is masked; quotas are in tokens."""
    return {
        "id": token.id,
        "name": token.name,
        "key": f"{token.prefix}…",
        "status": _status(token),
        "created_time": _seconds(token.created_at),
        "accessed_time": _seconds(token.last_used_at) if token.last_used_at else 0,
        "expired_time": _seconds(token.expires_at) if token.expires_at else NEVER,
        "unlimited_quota": token.quota_tokens is None,
        "remain_quota": token.quota_tokens or 0,
        "quota_window": token.quota_window,
        "model_limits_enabled": _limits_names(token),
        "model_limits": ",".join(
            dict.fromkeys((*(token.model_names or ()), *(token.preset_slugs or ())))
        ),
        "allow_ips": "\n".join(token.networks or ()) if token.networks is not None else None,
        "requests_per_minute": token.requests_per_minute,
        "tokens_per_minute": token.tokens_per_minute,
        "parallel_requests": token.parallel_requests,
    }


def _limits_names(token: ApiToken) -> bool:
    """A name is one of a model or a preset, so a key made here is limited in both alike."""
    return token.model_names is not None or token.preset_slugs is not None


def _status(token: ApiToken) -> int:
    if token.expires_at is not None and token.expires_at <= timezone.now():
        return EXPIRED
    return ENABLED if token.is_active else DISABLED


def channel_wire(channel: Channel) -> JSONDict:
    """Without its keys, whose number is told."""
    service = SERVICES.get(channel.kind)
    return {
        "id": channel.id,
        "name": channel.name,
        "type": TYPE_BY_KIND.get(channel.kind, CUSTOM_TYPE),
        "provider": channel.kind,
        "provider_name": service.label if service else channel.kind,
        "status": ENABLED if channel.is_active else DISABLED,
        "base_url": channel.base_url,
        "models": ",".join(channel.model_names),
        "model_mapping": channel.model_mapping,
        "priority": channel.priority,
        "weight": channel.weight,
        "key_count": len(channel.keys.all()),
        "created_time": _seconds(channel.created_at),
    }


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
