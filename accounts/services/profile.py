"""What people keep about themselves."""

from datetime import datetime

from django.utils import timezone

from accounts.models import User
from librechat_backend.lib.json import JSONDict


def set_favorites(*, user: User, favorites: list[JSONDict]) -> None:
    user.favorites = favorites
    user.save(update_fields=["favorites", "updated_at"])


def set_pinned_order(*, user: User, pinned_order: list[str]) -> None:
    user.pinned_order = pinned_order
    user.save(update_fields=["pinned_order", "updated_at"])


def accept_terms(*, user: User) -> datetime:
    """When the user accepted; the first time counts."""
    if user.terms_accepted_at is None:
        user.terms_accepted_at = timezone.now()
        user.save(update_fields=["terms_accepted_at", "updated_at"])
    return user.terms_accepted_at


def set_code_environment(*, user: User, code_environment: str) -> None:
    user.personalization = {**user.personalization, "statefulCodeEnvironment": code_environment}
    user.save(update_fields=["personalization", "updated_at"])
