"""Mails about accounts, as text and HTML (contract 01 §4.7). The only sender of mail.

They go out beside the request: how long the mail server takes would tell who has an account. For
nobody a mail is written, too, and what only people get, the sending, is at a moment left to chance
(figures: docs/performance.md). On an installation without a mail server the link goes
to the log, for the operator; never to whoever asked for it.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum
from random import SystemRandom
from time import sleep
from typing import Any

import structlog
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import timezone

from accounts.models import User

SPREAD_SECONDS = 1.0

log = structlog.get_logger(__name__)
_senders = ThreadPoolExecutor(8, "mail")
_chance = SystemRandom()


class Mail(Enum):
    """Template below ``accounts/email/``, and subject."""

    VERIFY_EMAIL = "verify_email", "Verify your email"
    RESET_PASSWORD = "reset_password", "Password Reset Request"  # noqa: S105 — a template
    PASSWORD_CHANGED = "password_changed", "Password Reset Successfully"  # noqa: S105
    INVITATION = "invitation", "Invite to join {app_name}!"
    APPROVED = "approved", "Your account at {app_name} is ready"


@dataclass(frozen=True, slots=True)
class Recipient:
    """Without an address it is nobody: a mail is written, and not sent."""

    address: str
    name: str = ""
    user_id: str = ""


def recipient(user: User | None) -> Recipient:
    return Recipient(user.email, user.display_name, user.pk) if user else Recipient("")


def send(mail: Mail, *, to: Recipient, link: str = "") -> None:
    """Returns at once; a mail that cannot be delivered is logged."""
    template, _ = mail.value
    if not settings.EMAIL_ENABLED:
        shown = link if to.address else ""
        log.warning("no_mail_server", mail=template, user=to.user_id, link=shown)
        return
    context = {
        "app_name": settings.APP_TITLE,
        "name": to.name,
        "link": link,
        "year": timezone.now().year,
    }
    _senders.submit(_deliver, mail, to, context)


def _deliver(mail: Mail, to: Recipient, context: dict[str, Any]) -> None:
    """At some moment of the next second."""
    template, _ = mail.value
    try:
        message = _written(mail, to, context)
        sleep(_chance.uniform(0, SPREAD_SECONDS))
        if to.address:
            message.send()
    except Exception as error:  # whatever the mail server does, the account is as it is
        log.exception("mail_failed", mail=template, user=to.user_id, reason=type(error).__name__)
    else:
        log.info("mail_sent" if to.address else "mail_to_nobody", mail=template, user=to.user_id)


def _written(mail: Mail, to: Recipient, context: dict[str, Any]) -> EmailMultiAlternatives:
    template, subject = mail.value
    message = EmailMultiAlternatives(
        subject.format(app_name=context["app_name"]),
        render_to_string(f"accounts/email/{template}.txt", context),
        to=[to.address],
    )
    html = render_to_string(f"accounts/email/{template}.html", context)
    message.attach_alternative(html, "text/html")
    return message
