"""Signing in with a password: the directory's where there is one, else our own."""

import structlog
from django.conf import settings

from accounts.identity import configuration
from accounts.identity.ldap import DirectoryError, check_password
from accounts.identity.proven import ProvenIdentity, Refusal, SignInRefused
from accounts.services import external, login
from accounts.services.bans import Banned, require_not_banned
from accounts.services.login import (
    AwaitsApproval,
    EmailNotVerified,
    SecondFactorNeeded,
    SignedIn,
    WrongCredentials,
)
from librechat_backend.lib.errors import AppError, Forbidden

log = structlog.get_logger(__name__)


class DirectoryUnavailable(AppError):
    """The client shows 500 as a fault of the server, which the person can do nothing about."""

    status = 500

    def __init__(self) -> None:
        super().__init__("The directory cannot be asked at the moment.")


def sign_in_with_password(
    *, email: str, password: str, ip_address: str, user_agent: str
) -> SignedIn | SecondFactorNeeded:
    """``email`` may be the user name of the directory.

    Raises what ``login.sign_in`` raises, and DirectoryUnavailable.
    """
    directory = configuration.ldap()
    if directory is None:
        return login.sign_in(
            email=email, password=password, ip_address=ip_address, user_agent=user_agent
        )
    if not settings.ALLOW_EMAIL_LOGIN:
        raise Forbidden("Email login is not allowed.")
    require_not_banned(ip_address=ip_address)
    identity = _proven(directory, email, password)
    try:
        return external.sign_in_with_identity(
            identity=identity, ip_address=ip_address, user_agent=user_agent
        )
    except SignInRefused as refusal:
        log.info("sign_in_refused", ip=ip_address, reason=refusal.reason, provider="ldap")
        raise _in_words_of_the_form(refusal.reason) from refusal


def _proven(directory: configuration.LDAP, name: str, password: str) -> ProvenIdentity:
    try:
        identity = check_password(directory, login=name, password=password)
    except DirectoryError as error:
        log.error("directory_unavailable", error=str(error))
        raise DirectoryUnavailable from error
    if identity is None:
        raise WrongCredentials
    return identity


def _in_words_of_the_form(reason: Refusal) -> AppError:
    """What the sign-in form can tell; it knows statuses, not reasons."""
    known: dict[Refusal, AppError] = {
        Refusal.AWAITS_APPROVAL: AwaitsApproval(),
        Refusal.DEACTIVATED: Banned(),
        Refusal.EMAIL_UNVERIFIED: EmailNotVerified(),
    }
    return known.get(reason) or WrongCredentials()
