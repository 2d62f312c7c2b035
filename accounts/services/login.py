"""Signing in with e-mail and password (contract 01 §4.2)."""

from dataclasses import dataclass

import structlog
from django.conf import settings
from django.contrib.auth.hashers import get_hasher, identify_hasher
from django.contrib.auth.models import update_last_login
from django.db import transaction

from accounts.models import User
from accounts.proof import Proof
from accounts.services.bans import Banned, require_not_banned
from accounts.services.sessions import RefreshToken, start_session
from accounts.services.two_factor import WrongProof, use_proof
from accounts.services.verification import is_verification_required
from accounts.tokens import issue_two_factor_token, verify_two_factor_token
from librechat_backend.lib.errors import AppError, Forbidden, InvalidRequest

log = structlog.get_logger(__name__)


class WrongCredentials(AppError):
    """Does not say which of the two is wrong: that would tell who has an account."""

    status = 404

    def __init__(self) -> None:
        super().__init__("Email or password is wrong.")


class AwaitsApproval(AppError):
    """Not 403, which the client shows as a ban."""

    status = 404

    def __init__(self) -> None:
        super().__init__("An administrator has to approve your account first.")


class EmailNotVerified(AppError):
    """The client offers to send the mail again."""

    status = 422

    def __init__(self) -> None:
        super().__init__("Email not verified.")


@dataclass(frozen=True, slots=True)
class SignedIn:
    user: User
    refresh_token: RefreshToken


@dataclass(frozen=True, slots=True)
class SecondFactorNeeded:
    """The password was right; the token lets the person show the second factor."""

    temporary_token: str


def sign_in(
    *, email: str, password: str, ip_address: str, user_agent: str
) -> SignedIn | SecondFactorNeeded:
    """Check the password and start a session.

    Raises WrongCredentials, Forbidden, Banned, AwaitsApproval, EmailNotVerified.
    Costs the time of one password hash whether or not the account exists.
    """
    if not settings.ALLOW_EMAIL_LOGIN:
        raise Forbidden("Email login is not allowed.")
    require_not_banned(ip_address=ip_address)
    user = check_password(email, password)
    try:
        _check_standing(user)
    except AppError as refusal:
        log.info("sign_in_refused", user=user.pk, ip=ip_address, reason=type(refusal).__name__)
        raise
    if user.two_factor_enabled:
        return SecondFactorNeeded(issue_two_factor_token(user))
    return start(user=user, ip_address=ip_address, user_agent=user_agent)


def user_who_waits(temporary_token: str) -> User:
    """Who gave the right password before. Raises WrongProof, Banned, InvalidRequest."""
    user = User.objects.filter(pk=verify_two_factor_token(temporary_token)).first()
    if user is None or not user.is_active:
        raise WrongProof("Invalid or expired temporary token")
    require_not_banned(user=user)
    if not user.two_factor_enabled:
        raise InvalidRequest("2FA is not enabled for this user")
    return user


def sign_in_with_second_factor(
    *, user: User, proof: Proof, ip_address: str, user_agent: str
) -> SignedIn:
    """Raises WrongProof."""
    if not use_proof(user=user, proof=proof):
        log.info("sign_in_refused", user=user.pk, ip=ip_address, reason="WrongProof")
        raise WrongProof("Invalid 2FA code or backup code")
    return start(user=user, ip_address=ip_address, user_agent=user_agent)


def start(
    *, user: User, ip_address: str, user_agent: str, provider: str = "", id_token: str = ""
) -> SignedIn:
    """The session of somebody who has proved everything; ``provider`` vouched for them."""
    with transaction.atomic():
        update_last_login(None, user)  # type: ignore[arg-type]
        token = start_session(
            user=user,
            ip_address=ip_address,
            user_agent=user_agent,
            provider=provider,
            id_token=id_token,
        )
    log.info("signed_in", user=user.pk, ip=ip_address, provider=provider or "local")
    return SignedIn(user, token)


def check_password(email: str, password: str) -> User:
    """Raises WrongCredentials, at the same cost for everybody."""
    user = User.objects.filter(email=email).first()
    # Also replaces a hash made with an older algorithm.
    if user is not None and user.check_password(password):
        return user
    _hash_as_others(password, user)
    raise WrongCredentials


def _hash_as_others(password: str, user: User | None) -> None:
    """What a failed attempt has not hashed so far: each costs one hash of each algorithm in use.

    Otherwise the time would tell who has no account, and who came from LibreChat.
    """
    preferred = get_hasher()
    imported = get_hasher("bcrypt")
    done = {_algorithm_tried(user, preferred.algorithm)} if user else set()
    in_use = [preferred]
    if User.objects.filter(password__startswith=f"{imported.algorithm}$").exists():
        in_use.append(imported)
    for hasher in in_use:
        if hasher.algorithm not in done:
            hasher.encode(password, hasher.salt())


def _algorithm_tried(user: User, preferred: str | None) -> str | None:
    """Django tries the preferred one on an account without a password."""
    return identify_hasher(user.password).algorithm if user.has_usable_password() else preferred


def _check_standing(user: User) -> None:
    if is_verification_required() and not user.email_verified:
        raise EmailNotVerified
    if user.awaits_approval:
        raise AwaitsApproval
    if not user.is_active:
        raise Banned
    require_not_banned(user=user)
