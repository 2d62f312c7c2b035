"""Stored secrets and token hashes. The only import site of ``cryptography``."""

import base64
import hashlib
import hmac
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

_VERSION = "v1:"
_NONCE_BYTES = 12


class UndecryptableSecret(ValueError):
    """A stored secret was written under another CREDS_KEY, or is damaged."""


def encrypt(plain: str) -> str:
    """AES-256-GCM under CREDS_KEY; a fresh nonce each time, so equal secrets look different."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    sealed = _cipher().encrypt(nonce, plain.encode(), None)
    return _VERSION + base64.b64encode(nonce + sealed).decode()


def decrypt(stored: str) -> str:
    """The inverse of :func:`encrypt`. Raises UndecryptableSecret."""
    try:
        raw = base64.b64decode(stored.removeprefix(_VERSION), validate=True)
        return _cipher().decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], None).decode()
    except (ValueError, InvalidTag) as error:
        raise UndecryptableSecret("the secret cannot be decrypted with CREDS_KEY") from error


def _cipher() -> AESGCM:
    return AESGCM(bytes.fromhex(settings.CREDS_KEY))


def new_token() -> str:
    """256 random bits, safe in URLs and cookies."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    """Keyed hash under which a random token is stored; 64 hexadecimal digits."""
    key = settings.JWT_REFRESH_SECRET.encode()
    return hmac.new(key, token.encode(), hashlib.sha256).hexdigest()


def same(left: str, right: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(left.encode(), right.encode())
