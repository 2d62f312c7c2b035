"""Signing in on the word of a provider (contract 01 §4.11).

Somebody the provider named before is found by provider, issuer and subject. Somebody new is
linked to the account with their address only if the provider verified that address; otherwise
whoever types another's address at some provider would get their account.
"""

from typing import Any

import structlog
from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.identity.proven import ProvenIdentity, Refusal, SignInRefused
from accounts.identity.rules import RuleSet, rules_for
from accounts.models import User
from accounts.models.user import ROLE_ADMIN, ROLE_USER, normalize_email
from accounts.services import identity_rules, login, registration, two_factor
from accounts.services.bans import require_not_banned
from accounts.services.login import SecondFactorNeeded, SignedIn
from accounts.services.sessions import end_all_sessions
from accounts.services.verification import is_verification_required, mail_verification_link
from accounts.tokens import issue_two_factor_token
from accounts.validation import NAME_LENGTHS, email_problem, is_allowed_domain

AVATAR_MAX_LENGTH = 1024
# A picture the person chose themselves carries this (contract 01 §4.10).
CHOSEN_AVATAR = "manual=true"

log = structlog.get_logger(__name__)


def sign_in_with_identity(
    *, identity: ProvenIdentity, ip_address: str, user_agent: str
) -> SignedIn | SecondFactorNeeded:
    """Find, link or create the account, bring it up to date and start a session.

    Raises SignInRefused, Banned.
    """
    require_not_banned(ip_address=ip_address)
    rules = rules_for(identity.provider)
    if not rules.are_requirements_met(identity.claims):
        raise SignInRefused(Refusal.REQUIREMENT_NOT_MET)
    account = _account(identity)
    user = account.user
    _check_standing(user)
    _bring_up_to_date(account, identity, rules)
    if user.two_factor_enabled:
        return SecondFactorNeeded(issue_two_factor_token(user))
    return login.start(
        user=user,
        ip_address=ip_address,
        user_agent=user_agent,
        provider=identity.provider,
        id_token=identity.id_token,
    )


def unlink_identity(*, account: SocialAccount) -> None:
    """The provider opens this account no longer; groups and role it gave go as well."""
    with transaction.atomic():
        identity_rules.withdraw(account=account)
        end_all_sessions(user=account.user)
        account.delete()
    log.info("identity_unlinked", user=account.user_id, provider=account.provider)


def _account(identity: ProvenIdentity) -> SocialAccount:
    try:
        with transaction.atomic():
            return _find(identity) or _link_or_create(identity)
    except IntegrityError:  # the same person at the same time, in another tab
        account = _find(identity)
        if account is None:
            raise
        return account


def _find(identity: ProvenIdentity) -> SocialAccount | None:
    account: SocialAccount | None = (
        SocialAccount.objects.select_related("user")
        .filter(provider=identity.account_key, uid=identity.subject)
        .first()
    )
    if account is not None and not is_allowed_domain(account.user.email):
        raise SignInRefused(Refusal.DOMAIN_NOT_ALLOWED)
    return account


def _link_or_create(identity: ProvenIdentity) -> SocialAccount:
    email = normalize_email(identity.email)
    if email_problem(email):
        raise SignInRefused(Refusal.EMAIL_MISSING)
    if not is_allowed_domain(email):
        raise SignInRefused(Refusal.DOMAIN_NOT_ALLOWED)
    registration.remove_expired_accounts()
    user = User.objects.select_for_update().filter(email=email).first()
    if user is None:
        user = _create(identity, email)
    elif identity.is_email_verified:
        _open_to(user, identity)
    else:
        raise SignInRefused(Refusal.EMAIL_UNVERIFIED, "the address has an account already")
    account: SocialAccount = SocialAccount.objects.create(
        user=user, provider=identity.account_key, uid=identity.subject, extra_data={}
    )
    log.info("identity_linked", user=user.pk, provider=identity.provider)
    return account


def _create(identity: ProvenIdentity, email: str) -> User:
    """The first account of an installation is its administrator's, if the directory has them."""
    is_directory = identity.provider == "ldap"
    if not is_directory and not settings.ALLOW_SOCIAL_REGISTRATION:
        raise SignInRefused(Refusal.REGISTRATION_OFF)
    is_first = is_directory and registration.is_first_account()
    user = _new_user(identity, email, is_first=is_first)
    log.info("registered", user=user.pk, role=user.role, awaits_approval=user.awaits_approval)
    if user.expires_at is not None:
        transaction.on_commit(lambda: mail_verification_link(user=user))
    return user


def _new_user(identity: ProvenIdentity, email: str, *, is_first: bool) -> User:
    awaits_approval = settings.REGISTRATION_REQUIRES_APPROVAL and not is_first
    is_kept = identity.is_email_verified or not is_verification_required()
    return User.objects.create_user(
        email,
        name=_fitting(identity.name),
        username=_fitting(identity.username),
        provider=identity.provider,
        role=ROLE_ADMIN if is_first else ROLE_USER,
        is_staff=is_first,
        is_superuser=is_first,
        email_verified=identity.is_email_verified,
        expires_at=None if is_kept else timezone.now() + registration.UNVERIFIED_LIFETIME,
        is_active=not awaits_approval,
        awaits_approval=awaits_approval,
    )


def _open_to(user: User, identity: ProvenIdentity) -> None:
    """Whoever registered with an address nobody proved to be theirs keeps no way in.

    They may have waited for its owner. Staff are trusted: an operator made them so.
    """
    if not _is_proven(user):
        user.set_unusable_password()
        user.provider = identity.provider
        end_all_sessions(user=user)
        two_factor.remove_second_factor(user=user)
        log.warning("password_removed", user=user.pk, provider=identity.provider)
    user.email_verified, user.expires_at = True, None
    user.save()


def _is_proven(user: User) -> bool:
    """Without a mail server, addresses were taken at their word."""
    is_verified = user.email_verified and settings.EMAIL_ENABLED
    return user.is_staff or is_verified or SocialAccount.objects.filter(user=user).exists()


def _check_standing(user: User) -> None:
    if user.awaits_approval:
        raise SignInRefused(Refusal.AWAITS_APPROVAL)
    if not user.is_active:
        raise SignInRefused(Refusal.DEACTIVATED)
    require_not_banned(user=user)
    if is_verification_required() and not user.email_verified:
        raise SignInRefused(Refusal.EMAIL_UNVERIFIED, "a link was mailed")


def _bring_up_to_date(account: SocialAccount, identity: ProvenIdentity, rules: RuleSet) -> None:
    user: User = account.user
    with transaction.atomic():
        changes = _changes(user, identity)
        for name, value in changes.items():
            setattr(user, name, value)
        if changes:
            user.save(update_fields=[*changes, "updated_at"])
        account.extra_data |= {"email": identity.email, "name": identity.name}
        identity_rules.apply(account=account, rules=rules, claims=identity.claims)
        account.save()


def _changes(user: User, identity: ProvenIdentity) -> dict[str, Any]:
    """Who came from the provider is as the provider says; others only get what they lack."""
    is_theirs = user.provider == identity.provider
    said = {"name": _fitting(identity.name), "username": _fitting(identity.username)}
    if _is_picture(identity.avatar_url) and CHOSEN_AVATAR not in user.avatar:
        said["avatar"] = identity.avatar_url
    changes: dict[str, Any] = {
        name: value
        for name, value in said.items()
        if value and value != getattr(user, name) and (is_theirs or not getattr(user, name))
    }
    return {**changes, **_new_address(user, identity)} if is_theirs else changes


def _new_address(user: User, identity: ProvenIdentity) -> dict[str, Any]:
    email = normalize_email(identity.email)
    if (
        not identity.is_email_verified
        or email == user.email
        or email_problem(email)
        or not is_allowed_domain(email)
        or User.objects.filter(email=email).exists()
    ):
        return {}
    return {"email": email, "email_verified": True}


def _is_picture(url: str) -> bool:
    return url.startswith("https://") and len(url) <= AVATAR_MAX_LENGTH and url.isprintable()


def _fitting(text: str) -> str:
    return "".join(filter(str.isprintable, text)).strip()[: NAME_LENGTHS[1]]
