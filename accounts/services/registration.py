"""New accounts: people who register, the first administrator, accounts made by an operator."""

from datetime import datetime, timedelta
from typing import TypedDict

import structlog
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from accounts import mail, tasks
from accounts.identity.configuration import asks_directory
from accounts.models import Invitation, User
from accounts.models.user import NO_ADDRESS, ROLE_ADMIN, ROLE_USER, normalize_email
from accounts.services.deletion import delete_account
from accounts.services.invitations import find_invitation
from accounts.services.roles import lock_administrators
from accounts.validation import Registration, is_allowed_domain
from librechat_backend.lib.errors import Conflict, Forbidden, InvalidRequest
from librechat_backend.lib.tasks import enqueue

UNVERIFIED_LIFETIME = timedelta(days=7)
NAME_TAKEN = "This user name is taken."

log = structlog.get_logger(__name__)


def register_user(registration: Registration, *, invite_token: str = "") -> None:
    """Create the account; the first one ever belongs to an administrator (contract 01 §4.5).

    An address that is taken makes no difference that the caller could see, in the answer or in
    the time it takes; a name without an address that is taken does. Raises Forbidden, Conflict, and
    InvalidRequest for a wrong invitation.
    """
    invitation = _admit(registration.email, invite_token)
    has_address = _has_address(registration.email)
    if not has_address:
        _require_free_name(registration.email.removesuffix(NO_ADDRESS))
    password_hash = make_password(registration.password)
    remove_expired_accounts()
    with transaction.atomic():
        user, is_new = _find_or_make(registration, password_hash, is_invited=invitation is not None)
        if not is_new and not has_address:
            raise Conflict(NAME_TAKEN)  # by somebody who was faster
        if invitation is not None:
            invitation.delete()
        if settings.EMAIL_ENABLED:
            awaits_mail = is_new and not user.email_verified
            enqueue(tasks.mail_verification_link, user.pk if awaits_mail else "")
    if is_new:
        log.info("registered", user=user.pk, role=user.role, awaits_approval=user.awaits_approval)


def _has_address(email: str) -> bool:
    return not email.endswith(NO_ADDRESS)


def _find_or_make(
    registration: Registration, password_hash: str, *, is_invited: bool
) -> tuple[User, bool]:
    """The account of this address, and whether it is a new one."""
    is_first = is_first_account()
    standing = _standing(
        is_trusted=is_first or is_invited, has_address=_has_address(registration.email)
    )
    return User.objects.get_or_create(
        email=registration.email,
        defaults={
            "name": registration.name,
            "username": registration.username,
            "password": password_hash,
            "role": ROLE_ADMIN if is_first else ROLE_USER,
            "is_staff": is_first,
            "is_superuser": is_first,
            **standing,
        },
    )


def _require_free_name(name: str) -> None:
    """Whoever has no address signs in by the name, so nobody else may have it."""
    if not settings.USERNAME_SIGNUP:
        raise Forbidden("Registration needs an address.")
    if User.objects.filter(Q(username__iexact=name) | Q(email=name + NO_ADDRESS)).exists():
        raise Conflict(NAME_TAKEN)


def _admit(email: str, invite_token: str) -> Invitation | None:
    """The invitation, if there is one and if it is needed."""
    invitation = find_invitation(email=email, token=invite_token) if invite_token else None
    if invite_token and invitation is None:
        raise InvalidRequest("Invalid invite token")
    is_open = settings.ALLOW_REGISTRATION and not asks_directory()
    if not is_open and invitation is None:
        raise Forbidden("Registration is not allowed.")
    if not is_allowed_domain(email):
        raise Forbidden(
            "The email address provided cannot be used. Please use a different email address."
        )
    return invitation


class _Standing(TypedDict):
    email_verified: bool
    expires_at: datetime | None
    is_active: bool
    awaits_approval: bool


def _standing(*, is_trusted: bool, has_address: bool) -> _Standing:
    """``is_trusted``: the first account, or one that was invited."""
    is_verified = is_trusted or not settings.EMAIL_ENABLED or not has_address
    awaits_approval = settings.REGISTRATION_REQUIRES_APPROVAL and not is_trusted
    is_kept = is_verified or settings.ALLOW_UNVERIFIED_EMAIL_LOGIN
    return {
        "email_verified": is_verified,
        "expires_at": None if is_kept else timezone.now() + UNVERIFIED_LIFETIME,
        "is_active": not awaits_approval,
        "awaits_approval": awaits_approval,
    }


def remove_expired_accounts() -> None:
    """Nobody keeps the address of somebody else for long."""
    over = User.objects.filter(email_verified=False, expires_at__lte=timezone.now())
    for user in over:
        delete_account(user=user)


def approve_account(*, user: User) -> None:
    """No-op for an account that does not wait."""
    if not user.awaits_approval:
        return
    user.is_active, user.awaits_approval = True, False
    user.save(update_fields=["is_active", "awaits_approval", "updated_at"])
    log.info("approved", user=user.pk)
    mail.send(mail.Mail.APPROVED, to=mail.recipient(user), link=settings.DOMAIN_CLIENT)


def is_first_account() -> bool:
    """Needs a transaction, in which nobody else gets the same answer."""
    if User.objects.exists():
        return False
    lock_administrators()
    return not User.objects.exists()


def bootstrap_administrator(*, email: str, password: str) -> User | None:
    """The first administrator; None when there is one. Raises Conflict for an address in use."""
    with transaction.atomic():
        lock_administrators()
        if User.objects.filter(is_superuser=True).exists():
            return None
        return create_account(
            email=email, name="Administrator", password=password, role=ROLE_ADMIN, is_superuser=True
        )


def create_account(
    *, email: str, name: str, password: str, role: str, is_superuser: bool = False
) -> User:
    """An account made by an operator. Raises Conflict for an address in use."""
    address = normalize_email(email)
    try:
        with transaction.atomic():
            return User.objects.create_user(
                address,
                password,
                name=name,
                role=role,
                email_verified=True,
                is_staff=is_superuser,
                is_superuser=is_superuser,
            )
    except IntegrityError as error:
        raise Conflict(f"There is already a user with the e-mail address {address}.") from error
