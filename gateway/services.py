"""Changes of API keys. Each changes the stamp by which processes notice."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict, Unpack

import structlog
from django.db import transaction

from accounts.models import User
from gateway.models import ApiToken, TokenVersion
from gateway.tokens import hash_secret, new_secret, shown_prefix
from librechat_backend.lib.errors import NotFound
from librechat_backend.lib.ids import new_uuid

log = structlog.get_logger(__name__)


class TokenFields(TypedDict, total=False):
    """The columns of a key that can be chosen."""

    name: str
    is_active: bool
    model_names: list[str] | None
    preset_slugs: list[str] | None
    networks: list[str] | None
    expires_at: datetime | None
    requests_per_minute: int | None
    tokens_per_minute: int | None
    parallel_requests: int | None
    quota_tokens: int | None
    quota_window: str
    cache_seconds: int
    keeps_content: bool


@dataclass(frozen=True, slots=True)
class NewToken:
    """``secret`` is known here and nowhere else: it can be shown once."""

    token: ApiToken
    secret: str

    def __repr__(self) -> str:
        return f"NewToken({self.token})"


def create_token(*, user: User, **fields: Unpack[TokenFields]) -> NewToken:
    secret = new_secret()
    token = ApiToken(
        user=user, token_hash=hash_secret(secret), prefix=shown_prefix(secret), **fields
    )
    save_token(token=token)
    log.info("api_token_created", token=token.pk, user=user.pk)
    return NewToken(token, secret)


def give_secret(*, token: ApiToken) -> str:
    """Put a new secret into an unsaved ``token``."""
    secret = new_secret()
    token.token_hash, token.prefix = hash_secret(secret), shown_prefix(secret)
    return secret


@transaction.atomic
def save_token(*, token: ApiToken) -> None:
    announce_change()
    token.save()


@transaction.atomic
def update_token(*, token: ApiToken, **fields: Unpack[TokenFields]) -> ApiToken:
    for name, value in fields.items():
        setattr(token, name, value)
    announce_change()
    token.save(update_fields=list(fields))
    return token


@transaction.atomic
def delete_token(*, user_id: str, token_id: str) -> None:
    """Raises NotFound, also for somebody else's."""
    announce_change()
    deleted, _ = ApiToken.objects.owned_by(user_id).filter(pk=token_id).delete()
    if not deleted:
        raise NotFound("API key not found", key="error")
    log.info("api_token_deleted", token=token_id, user=user_id)


def announce_change() -> None:
    """First in the transaction of the change, so that its row orders the changes."""
    TokenVersion.objects.update_or_create(id=TokenVersion.SINGLE_ID, defaults={"stamp": new_uuid()})


def note_use(moments: dict[str, datetime]) -> None:
    """``moments``: token id → when it was last used. Not a change of what a key may."""
    for token_id, moment in moments.items():
        ApiToken.objects.filter(pk=token_id).update(last_used_at=moment)
