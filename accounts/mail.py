"""Mails about accounts, as text and HTML (contract 01 §4.7). The only sender of mail.

They go out beside the request: how long the mail server takes would tell who has an account. On
an installation without a mail server the link goes to the log, for the operator; never to
whoever asked for it.
"""

from concurrent.futures import ThreadPoolExecutor
from enum import Enum

import structlog
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import timezone

log = structlog.get_logger(__name__)
_senders = ThreadPoolExecutor(2, "mail")


class Mail(Enum):
    """Template below ``accounts/email/``, and subject."""

    VERIFY_EMAIL = "verify_email", "Verify your email"
    RESET_PASSWORD = "reset_password", "Password Reset Request"  # noqa: S105 — a template
    PASSWORD_CHANGED = "password_changed", "Password Reset Successfully"  # noqa: S105
    INVITATION = "invitation", "Invite to join {app_name}!"
    APPROVED = "approved", "Your account at {app_name} is ready"


def send(mail: Mail, *, to: str, link: str = "", name: str = "", user_id: str = "") -> None:
    """Returns at once; a mail that cannot be delivered is logged."""
    template, subject = mail.value
    if not settings.EMAIL_ENABLED:
        log.warning("no_mail_server", mail=template, user=user_id, link=link)
        return
    context = {
        "app_name": settings.APP_TITLE,
        "name": name,
        "link": link,
        "year": timezone.now().year,
    }
    message = EmailMultiAlternatives(
        subject.format(app_name=settings.APP_TITLE),
        render_to_string(f"accounts/email/{template}.txt", context),
        to=[to],
    )
    html = render_to_string(f"accounts/email/{template}.html", context)
    message.attach_alternative(html, "text/html")
    _senders.submit(_deliver, message, template, user_id)


def _deliver(message: EmailMultiAlternatives, template: str, user_id: str) -> None:
    try:
        message.send()
    except Exception as error:  # whatever the mail server does, the account is as it is
        log.exception("mail_failed", mail=template, user=user_id, reason=type(error).__name__)
    else:
        log.info("mail_sent", mail=template, user=user_id)
