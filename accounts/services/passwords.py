"""Forgotten passwords (contract 01 §4.6).

Unlike the original, a link is never in an HTTP answer to whoever asked for it: without a mail
server it is in the log, and an administrator can make one on the page of the person.
"""

import structlog
from django.conf import settings
from django.db import transaction

from accounts import mail, tasks
from accounts.models import OneTimeToken, User
from accounts.services.one_time_tokens import issue_token, use_token
from accounts.services.sessions import end_all_sessions
from accounts.validation import is_allowed_domain
from librechat_backend.lib.errors import AppError, Forbidden, InvalidRequest
from librechat_backend.lib.tasks import enqueue

RESET = OneTimeToken.Purpose.RESET_PASSWORD

log = structlog.get_logger(__name__)


class InvalidResetToken(AppError):
    """Answered with an empty body."""

    status = 400


class PasswordResetOff(Forbidden):
    def __init__(self) -> None:
        super().__init__("Password reset is not allowed.")


def require_reset_allowed() -> None:
    """Raises PasswordResetOff."""
    if not settings.ALLOW_PASSWORD_RESET:
        raise PasswordResetOff


def request_password_reset(*, email: str) -> None:
    """Mail a link to the owner of ``email``; unknown addresses make no difference one could see.

    Raises PasswordResetOff, InvalidRequest for an address of a domain that may not have accounts.
    """
    require_reset_allowed()
    if not is_allowed_domain(email):
        raise InvalidRequest(code="auth_failed")
    people = User.objects.filter(email=email, is_active=True, provider="local")
    enqueue(tasks.mail_reset_link, people.values_list("pk", flat=True).first() or "")


def mail_reset_link(*, user: User | None) -> str:
    """The link, which is mailed too. Only for those who may change this person's password.

    For nobody all is done as for a person, but the sending.
    """
    token, to = issue_token(user=user, purpose=RESET), mail.recipient(user)
    link = f"{settings.DOMAIN_CLIENT}/reset-password?token={token}&userId={to.user_id}"
    mail.send(mail.Mail.RESET_PASSWORD, to=to, link=link)
    return link


def reset_password(*, user_id: str, token: str, password: str) -> None:
    """Set a new password and sign every device out. Raises PasswordResetOff, InvalidResetToken."""
    require_reset_allowed()
    people = User.objects.filter(pk=user_id, is_active=True, provider="local")
    with transaction.atomic():
        user = use_token(people=people, purpose=RESET, token=token)
        if user is None:
            raise InvalidResetToken
        user.set_password(password)
        user.save(update_fields=["password", "updated_at"])
        end_all_sessions(user=user)
    log.info("password_reset", user=user.pk)
    mail.send(mail.Mail.PASSWORD_CHANGED, to=mail.recipient(user))
