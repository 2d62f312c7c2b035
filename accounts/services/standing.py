"""Whether somebody may use their account."""

import structlog

from accounts.models import User
from accounts.services.sessions import end_all_sessions

log = structlog.get_logger(__name__)


def deactivate_account(*, user: User) -> None:
    """At once: access tokens are refused from the next request on, sessions are gone, and answers
    being written stop within seconds, in the chat and for programs."""
    user.is_active = False
    user.save(update_fields=["is_active", "updated_at"])
    end_all_sessions(user=user)
    log.info("deactivated", user=user.pk)


def activate_account(*, user: User) -> None:
    """Who waited for approval has it with this."""
    user.is_active, user.awaits_approval = True, False
    user.save(update_fields=["is_active", "awaits_approval", "updated_at"])
    log.info("activated", user=user.pk)
