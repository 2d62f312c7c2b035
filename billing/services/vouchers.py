"""Vouchers: made by administrators, redeemed by people."""

import secrets
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from billing.models import Voucher, VoucherUse
from librechat_backend.lib.crypto import token_hash
from librechat_backend.lib.errors import Conflict, NotFound
from usage.ledger.movements import credit
from usage.models import LedgerEntry

# Without letters and digits that look alike; 16 of them are 78 bits.
ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
BLOCKS, BLOCK_LENGTH = 4, 4
PREFIX_LENGTH = 4


def create_vouchers(
    *, count: int, credits: int, uses: int, expires_at: datetime | None, note: str
) -> list[str]:
    """Their codes, which are known here and nowhere else."""
    codes = [_new_code() for _ in range(count)]
    Voucher.objects.bulk_create(
        Voucher(
            code_hash=_hash(code),
            prefix=code[:PREFIX_LENGTH],
            credits=credits,
            uses=uses,
            expires_at=expires_at,
            note=note,
        )
        for code in codes
    )
    return codes


def keep_voucher(*, code: str, credits: int, expires_at: datetime | None, note: str) -> bool:
    """One for one person, whose ``code`` was given out elsewhere; whether it is new here."""
    _, is_new = Voucher.objects.get_or_create(
        code_hash=_hash(code),
        defaults={
            "prefix": code[:PREFIX_LENGTH],
            "credits": credits,
            "expires_at": expires_at,
            "note": note,
        },
    )
    return is_new


def is_kept(*, code: str) -> bool:
    return Voucher.objects.filter(code_hash=_hash(code)).exists()


@transaction.atomic
def redeem(*, user: User, code: str) -> LedgerEntry:
    """Raises NotFound for what is no voucher, or none any more; Conflict for the second time."""
    voucher = _lock_good_one(user, code)
    VoucherUse.objects.create(voucher=voucher, user=user)
    voucher.used += 1
    voucher.save(update_fields=["used"])
    return credit(
        user=user,
        amount=voucher.credits,
        kind=LedgerEntry.Kind.VOUCHER,
        reason=f"Voucher {voucher}",
        reference=f"voucher:{voucher.pk}:{user.pk}",
    )


def _lock_good_one(user: User, code: str) -> Voucher:
    voucher = Voucher.objects.select_for_update().filter(code_hash=_hash(code)).first()
    if voucher is None or not voucher.is_active:
        raise NotFound("This is no valid voucher.")
    if voucher.expires_at and voucher.expires_at <= timezone.now():
        raise NotFound("This voucher has expired.")
    if VoucherUse.objects.filter(voucher=voucher, user=user).exists():
        raise Conflict("You have redeemed this voucher already.")
    if voucher.used >= voucher.uses:
        raise NotFound("This voucher has been used.")
    return voucher


def _new_code() -> str:
    blocks = ("".join(secrets.choice(ALPHABET) for _ in range(BLOCK_LENGTH)) for _ in range(BLOCKS))
    return "-".join(blocks)


def _hash(code: str) -> str:
    """However it is typed: in small letters, with spaces, without dashes."""
    return token_hash("".join(char for char in code.upper() if char.isalnum()))
