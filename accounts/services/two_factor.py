"""Signing in with a second factor (contract 01 §4.8).

A setup is pending until the person has shown a code of it; until then the old one counts.
"""

import secrets
import time
from dataclasses import dataclass
from hashlib import sha256

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts import totp
from accounts.models import Authenticator, BackupCode, User
from accounts.proof import Proof
from accounts.services.locks import lock_user
from librechat_backend.lib import crypto
from librechat_backend.lib.errors import AppError, InvalidRequest, NotFound

BACKUP_CODES = 10

log = structlog.get_logger(__name__)


class WrongProof(AppError):
    status = 401


@dataclass(frozen=True, slots=True)
class Setup:
    """Shown to the person once."""

    url: str
    backup_codes: list[str]


def begin_setup(*, user: User, proof: Proof) -> Setup:
    """A new secret and new codes, pending. Raises InvalidRequest, WrongProof."""
    if user.two_factor_enabled:
        require_proof(user=user, proof=proof)
    secret = totp.new_secret()
    with transaction.atomic():
        Authenticator.objects.update_or_create(
            user=user, defaults={"pending_secret": crypto.encrypt(secret)}
        )
        codes = _new_backup_codes(user, is_pending=True)
    url = totp.provisioning_url(secret, issuer=settings.APP_TITLE, account=user.email)
    return Setup(url, codes)


def check_setup(*, user: User, proof: Proof) -> None:
    """Whether the app shows the right codes; uses nothing up. Raises InvalidRequest."""
    row = _authenticator(user)
    secret = row.pending_secret or row.secret if row else ""
    if not secret:
        raise InvalidRequest("2FA not initiated")
    is_code = _matching_step(secret, proof.code) is not None
    if not is_code and not _unused(user, proof.backup_code).exists():
        raise InvalidRequest("Invalid token or backup code.")


def confirm_setup(*, user: User, proof: Proof) -> None:
    """From now on the second factor is asked for. Raises InvalidRequest."""
    row = _authenticator(user)
    if row is None or not row.pending_secret:
        raise InvalidRequest("2FA not initiated")
    if _matching_step(row.pending_secret, proof.code) is None:
        raise InvalidRequest("Invalid token.")
    pending = Authenticator.objects.filter(user=user, pending_secret=row.pending_secret)
    with transaction.atomic():
        if not pending.update(secret=row.pending_secret, pending_secret="", last_step=0):
            raise InvalidRequest("2FA not initiated")  # confirmed or begun anew a moment ago
        user.backup_codes.filter(is_pending=False).delete()
        user.backup_codes.update(is_pending=False)
        _set_enabled(user, True)
    log.info("two_factor_enabled", user=user.pk)


def disable(*, user: User, proof: Proof) -> None:
    """Raises InvalidRequest, WrongProof."""
    if user.two_factor_enabled:
        require_proof(user=user, proof=proof)
    elif _authenticator(user) is None:
        raise InvalidRequest("2FA is not set up for this user")
    remove_second_factor(user=user)


def remove_second_factor(*, user: User) -> None:
    """Without asking for it: for an administrator, when the telephone is lost."""
    with transaction.atomic():
        Authenticator.objects.filter(user=user).delete()
        user.backup_codes.all().delete()
        _set_enabled(user, False)
    log.info("two_factor_disabled", user=user.pk)


def regenerate_backup_codes(*, user: User, proof: Proof) -> list[str]:
    """New codes in place of the old. Raises NotFound, InvalidRequest, WrongProof."""
    if not user.two_factor_enabled:
        raise NotFound("2FA is not set up for this user")
    require_proof(user=user, proof=proof)
    with transaction.atomic():
        lock_user(user)  # of two who ask at once, the codes of one count
        return _new_backup_codes(user, is_pending=False)


def require_proof(*, user: User, proof: Proof) -> None:
    """For what a person who is signed in must not do without their second factor.

    A code may be used again here: the client asks for several in a row. Raises InvalidRequest
    when there is none, WrongProof.
    """
    if not proof.code and not proof.backup_code:
        raise InvalidRequest("Two-factor code or backup code is required")
    row = _authenticator(user)
    if row and proof.code and _matching_step(row.secret, proof.code) is not None:
        return
    if not _use_backup_code(user, proof.backup_code):
        raise WrongProof("Invalid token or backup code")


def use_proof(*, user: User, proof: Proof) -> bool:
    """Whether ``proof`` lets the person sign in; each code does once."""
    return _use_code(user, proof.code) or _use_backup_code(user, proof.backup_code)


def _use_code(user: User, code: str) -> bool:
    row = _authenticator(user)
    step = _matching_step(row.secret, code) if row else None
    if step is None:
        return False
    unused = Authenticator.objects.filter(user=user, last_step__lt=step)
    return bool(unused.update(last_step=step))


def _use_backup_code(user: User, code: str) -> bool:
    return bool(_unused(user, code).update(used_at=timezone.now())) if code else False


def _unused(user: User, code: str) -> QuerySet[BackupCode]:
    hashes = (_hash(code), imported_code_hash(sha256(_typed(code).encode()).hexdigest()))
    return user.backup_codes.filter(code_hash__in=hashes, is_pending=False, used_at__isnull=True)


def _matching_step(encrypted: str, code: str) -> int | None:
    if not encrypted or not code:
        return None
    return totp.matching_step(crypto.decrypt(encrypted), code.strip(), time.time())


def _authenticator(user: User) -> Authenticator | None:
    return Authenticator.objects.filter(user=user).first()


def _new_backup_codes(user: User, *, is_pending: bool) -> list[str]:
    codes = [secrets.token_hex(4) for _ in range(BACKUP_CODES)]
    user.backup_codes.filter(is_pending=is_pending).delete()
    BackupCode.objects.bulk_create(
        BackupCode(user=user, code_hash=_hash(code), is_pending=is_pending) for code in codes
    )
    return codes


def _hash(code: str) -> str:
    """Keyed: eight digits without a key would be guessed from a copy of the database."""
    return crypto.token_hash(f"backup:{_typed(code)}")


def imported_code_hash(code_hash: str) -> str:
    """``code_hash``: the SHA-256 that LibreChat keeps of a code, in hexadecimal. Keyed as above."""
    return crypto.token_hash(f"backup-sha256:{code_hash.lower()}")


def _typed(code: str) -> str:
    return code.strip().lower()


def _set_enabled(user: User, is_enabled: bool) -> None:
    user.two_factor_enabled = is_enabled
    user.save(update_fields=["two_factor_enabled", "updated_at"])
