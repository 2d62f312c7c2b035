"""New accounts: people who register, the first administrator, accounts made by an operator."""

import structlog
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction

from accounts.models import User
from accounts.models.user import ROLE_ADMIN, ROLE_USER, normalize_email
from accounts.services.roles import lock_administrators
from accounts.validation import Registration
from librechat_backend.lib.errors import Conflict, Forbidden

log = structlog.get_logger(__name__)


def register_user(registration: Registration) -> None:
    """Create the account; the first one ever belongs to an administrator (contract 01 §4.5).

    An address that is taken makes no difference that the caller could see, in the answer or in
    the time it takes. Raises Forbidden when registration is switched off.
    """
    if not settings.ALLOW_REGISTRATION:
        raise Forbidden("Registration is not allowed.")
    password_hash = make_password(registration.password)
    with transaction.atomic():
        is_first = _is_first_account()
        user, is_new = User.objects.get_or_create(
            email=registration.email,
            defaults={
                "name": registration.name,
                "username": registration.username,
                "password": password_hash,
                "email_verified": True,  # no mail is sent yet that could verify it
                "role": ROLE_ADMIN if is_first else ROLE_USER,
                "is_staff": is_first,
                "is_superuser": is_first,
            },
        )
    if is_new:
        log.info("registered", user=user.pk, role=user.role)


def _is_first_account() -> bool:
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
