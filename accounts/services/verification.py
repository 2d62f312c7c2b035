"""Whether an e-mail address really is the person's (contract 01 §4.7)."""

from urllib.parse import quote

import structlog
from django.conf import settings
from django.db import transaction

from accounts import mail, tasks
from accounts.models import OneTimeToken, User
from accounts.services.one_time_tokens import issue_token, use_token
from librechat_backend.lib.errors import InvalidRequest
from librechat_backend.lib.tasks import enqueue

VERIFY = OneTimeToken.Purpose.VERIFY_EMAIL

log = structlog.get_logger(__name__)


def is_verification_required() -> bool:
    """Without a mail server nobody could verify anything."""
    return settings.EMAIL_ENABLED and not settings.ALLOW_UNVERIFIED_EMAIL_LOGIN


def mail_verification_link(*, user: User | None) -> None:
    """For nobody all is done as for a person, but the sending."""
    token, to = issue_token(user=user, purpose=VERIFY), mail.recipient(user)
    link = f"{settings.DOMAIN_CLIENT}/verify?token={token}&email={quote(to.address, safe='')}"
    mail.send(mail.Mail.VERIFY_EMAIL, to=to, link=link)


def resend_verification(*, email: str) -> None:
    """Unknown and verified addresses make no difference one could see."""
    if settings.EMAIL_ENABLED:
        people = User.objects.filter(email=email, email_verified=False)
        enqueue(tasks.mail_verification_link, people.values_list("pk", flat=True).first() or "")


@transaction.atomic
def verify_email(*, email: str, token: str) -> None:
    """Raises InvalidRequest."""
    people = User.objects.filter(email=email)
    user = use_token(people=people, purpose=VERIFY, token=token)
    if user is None:
        raise InvalidRequest("Invalid or expired email verification token")
    user.email_verified = True
    user.expires_at = None
    user.save(update_fields=["email_verified", "expires_at", "updated_at"])
    log.info("email_verified", user=user.pk)
