"""Time-based one-time codes as authenticator apps make them (RFC 6238: SHA-1, 6 digits, 30 s)."""

import base64
import hashlib
import hmac
import secrets
from urllib.parse import quote

STEP_SECONDS = 30
DIGITS = 6
# Clocks differ, and people need time to type.
TOLERANCE_STEPS = 1
_SECRET_BYTES = 20


def new_secret() -> str:
    """Base32, as the apps take it."""
    return base64.b32encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def code_at(secret: str, step: int) -> str:
    digest = hmac.new(base64.b32decode(secret), step.to_bytes(8, "big"), hashlib.sha1).digest()
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFF_FFFF
    return f"{number % 10**DIGITS:0{DIGITS}}"


def matching_step(secret: str, code: str, now: float) -> int | None:
    """The step ``code`` belongs to, around ``now`` (seconds since 1970); None for a wrong code."""
    current = int(now) // STEP_SECONDS
    steps = range(current - TOLERANCE_STEPS, current + TOLERANCE_STEPS + 1)
    matching = [
        step
        for step in steps
        if hmac.compare_digest(code_at(secret, step).encode(), code.encode("utf-8", "replace"))
    ]
    return matching[-1] if matching else None


def provisioning_url(secret: str, *, issuer: str, account: str) -> str:
    """What the picture for the app holds; the client reads the secret out of it, too."""
    label = f"{quote(issuer, safe='')}:{quote(account, safe='@')}"
    return f"otpauth://totp/{label}?secret={secret}&issuer={quote(issuer, safe='')}"
