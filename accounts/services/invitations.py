"""Invitations to register (contract 01 §4.5)."""

import secrets
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from accounts import mail
from accounts.models import Invitation, User
from accounts.models.user import normalize_email
from librechat_backend.lib import crypto
from librechat_backend.lib.errors import Conflict

LIFETIME = timedelta(days=7)


def invite(*, email: str, invited_by: User | None = None) -> str:
    """Mail a link with which ``email`` can register; returns it, for the operator alone.

    A second invitation replaces the first. Raises Conflict for an address in use.
    """
    address = normalize_email(email)
    if User.objects.filter(email=address).exists():
        raise Conflict(f"There is already a user with the e-mail address {address}.")
    token = secrets.token_hex(32)
    Invitation.objects.update_or_create(
        email=address,
        defaults={
            "token_hash": crypto.token_hash(token),
            "invited_by": invited_by,
            "expires_at": timezone.now() + LIFETIME,
        },
    )
    link = f"{settings.DOMAIN_CLIENT}/register?token={token}"
    mail.send(mail.Mail.INVITATION, to=mail.Recipient(address), link=link)
    return link


def find_invitation(*, email: str, token: str) -> Invitation | None:
    """The invitation of ``email`` that ``token`` belongs to, while it is good."""
    return Invitation.objects.filter(
        email=email, token_hash=crypto.token_hash(token), expires_at__gt=timezone.now()
    ).first()
