"""By what else than a password people sign in: identities of providers, second factors."""

import base64
import binascii
from collections.abc import Sequence
from datetime import datetime

from allauth.socialaccount.models import SocialAccount

from accounts.identity.proven import SUBJECT_MAX_LENGTH, account_key
from accounts.models import Authenticator, BackupCode
from accounts.services.two_factor import imported_code_hash
from librechat_backend.lib import crypto
from librechat_backend.lib.crypto import UndecryptableSecret
from librechat_backend.lib.json import JSONDict
from moving.job import Job
from moving.values import document_id, moment, rows, text, updated_at

NO_SECRET = "their second factor works with backup codes only: its secret cannot be read"  # noqa: S105
TOO_LONG = "they cannot sign in by {}: it is too long"
LINKED = "somebody else signs in with the same account of {}"
SUBJECTS = {
    "google": "googleId",
    "facebook": "facebookId",
    "openid": "openidId",
    "saml": "samlId",
    "ldap": "ldapId",
    "github": "githubId",
    "discord": "discordId",
    "apple": "appleId",
}
ISSUERS = {"openid": "openidIssuer"}


def store_identities(documents: Sequence[JSONDict], job: Job) -> None:
    """One that is linked already stays with whom it is linked."""
    wanted = [each for document in documents for each in _identities(document, job)]
    SocialAccount.objects.bulk_create(wanted, ignore_conflicts=True)
    linked = SocialAccount.objects.filter(uid__in={each.uid for each in wanted})
    owners = {(each.provider, each.uid): each.user_id for each in linked}
    for each in wanted:
        if owners[each.provider, each.uid] != each.user_id:
            job.tally.note(LINKED.format(each.provider), each.user_id, is_lost=True)


def _identities(document: JSONDict, job: Job) -> list[SocialAccount]:
    return [
        SocialAccount(
            user_id=document_id(document),
            provider=account_key(provider, text(document, ISSUERS.get(provider, ""))),
            uid=subject,
            extra_data={},
        )
        for provider, name in SUBJECTS.items()
        if (subject := _subject(document, name, job))
    ]


def _subject(document: JSONDict, name: str, job: Job) -> str:
    """A part of one could be somebody else's."""
    subject = text(document, name)
    if len(subject) <= SUBJECT_MAX_LENGTH:
        return subject
    job.tally.note(TOO_LONG.format(name), document_id(document), is_lost=True)
    return ""


def store_second_factors(documents: Sequence[JSONDict], job: Job) -> None:
    """As they are in the source, in place of what was here."""
    owners = [document_id(document) for document in documents]
    Authenticator.objects.filter(user__in=owners).delete()
    BackupCode.objects.filter(user__in=owners).delete()
    enabled = [each for each in documents if each.get("twoFactorEnabled") is True]
    secrets = {document_id(each): _secret(each, job) for each in enabled}
    Authenticator.objects.bulk_create(
        Authenticator(user_id=owner, secret=crypto.encrypt(secret))
        for owner, secret in secrets.items()
        if secret
    )
    BackupCode.objects.bulk_create(code for each in enabled for code in _codes(each))


def _secret(document: JSONDict, job: Job) -> str:
    """Base32; empty where it cannot be read."""
    stored = text(document, "totpSecret")
    try:
        secret = job.secrets.decrypt(stored) if ":" in stored else stored
        base64.b32decode(secret)
    except (UndecryptableSecret, binascii.Error):
        secret = ""
    if not secret:
        job.tally.note(NO_SECRET, text(document, "email"), is_lost=True)
    return secret


def _codes(document: JSONDict) -> list[BackupCode]:
    return [
        BackupCode(
            user_id=document_id(document),
            code_hash=imported_code_hash(text(code, "codeHash")),
            used_at=_used_at(code, document),
        )
        for code in rows(document.get("backupCodes"))
    ]


def _used_at(code: JSONDict, document: JSONDict) -> datetime | None:
    if code.get("used") is not True:
        return None
    return moment(code.get("usedAt")) or updated_at(document)
