"""What people keep about themselves."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from accounts.services.locks import lock_user
from librechat_backend.lib.json import JSONDict, JSONValue


def set_favorites(*, user: User, favorites: list[JSONDict]) -> None:
    user.favorites = favorites
    user.save(update_fields=["favorites", "updated_at"])


def set_pinned_order(*, user: User, pinned_order: list[str]) -> None:
    user.pinned_order = pinned_order
    user.save(update_fields=["pinned_order", "updated_at"])


def set_names(*, user: User, name: str | None, username: str | None) -> None:
    """None leaves a name as it is."""
    user.name = user.name if name is None else name
    user.username = user.username if username is None else username
    user.save(update_fields=["name", "username", "updated_at"])


def accept_terms(*, user: User) -> datetime:
    """When the user accepted; the first time counts."""
    if user.terms_accepted_at is None:
        user.terms_accepted_at = timezone.now()
        user.save(update_fields=["terms_accepted_at", "updated_at"])
    return user.terms_accepted_at


def set_code_environment(*, user: User, code_environment: str) -> None:
    _set_preference(user, "statefulCodeEnvironment", code_environment)


def set_memories(*, user: User, is_on: bool) -> None:
    """Whether what the person had remembered is used in their chats (contract 03 §12)."""
    _set_preference(user, "memories", is_on)


@transaction.atomic
def _set_preference(user: User, name: str, value: JSONValue) -> None:
    # Read again under a lock: the other preferences share the column.
    user.personalization = {**lock_user(user).personalization, name: value}
    user.save(update_fields=["personalization", "updated_at"])
