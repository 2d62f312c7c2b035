"""Whether an e-mail address really is the person's (contract 01 §4.7)."""

from urllib.parse import quote

import structlog
from django.conf import settings

from accounts import mail
from accounts.models import OneTimeToken, User
from accounts.services.one_time_tokens import issue_token, use_token
from librechat_backend.lib.errors import InvalidRequest

VERIFY = OneTimeToken.Purpose.VERIFY_EMAIL

log = structlog.get_logger(__name__)


def is_verification_required() -> bool:
    """Without a mail server nobody could verify anything."""
    return settings.EMAIL_ENABLED and not settings.ALLOW_UNVERIFIED_EMAIL_LOGIN


def mail_verification_link(*, user: User) -> None:
    token = issue_token(user=user, purpose=VERIFY)
    link = f"{settings.DOMAIN_CLIENT}/verify?token={token}&email={quote(user.email, safe='')}"
    mail.send(
        mail.Mail.VERIFY_EMAIL, to=user.email, link=link, name=user.display_name, user_id=user.pk
    )


def resend_verification(*, email: str) -> None:
    """Unknown and verified addresses make no difference one could see."""
    user = User.objects.filter(email=email, email_verified=False).first()
    if user is not None and settings.EMAIL_ENABLED:
        mail_verification_link(user=user)


def verify_email(*, email: str, token: str) -> None:
    """Raises InvalidRequest."""
    user = User.objects.filter(email=email).first()
    if user is None or not use_token(user=user, purpose=VERIFY, token=token):
        raise InvalidRequest("Invalid or expired email verification token")
    user.email_verified = True
    user.expires_at = None
    user.save(update_fields=["email_verified", "expires_at", "updated_at"])
    log.info("email_verified", user=user.pk)
