"""Stored secrets and token hashes. The only import site of ``cryptography``."""

import base64
import hashlib
import hmac
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.padding import PKCS7
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


def open_cbc(key: bytes, iv: bytes, sealed: bytes) -> str:
    """AES-CBC with PKCS#7, as LibreChat stored secrets. Raises UndecryptableSecret."""
    try:
        padder = PKCS7(algorithms.AES.block_size).unpadder()
        plain = _opened(key, modes.CBC(iv), sealed)
        return (padder.update(plain) + padder.finalize()).decode()
    except ValueError as error:
        raise UndecryptableSecret("the secret cannot be decrypted with CREDS_KEY") from error


def open_ctr(key: bytes, iv: bytes, sealed: bytes) -> str:
    """AES-CTR, as above. A wrong key shows only in bytes that are no text."""
    try:
        return _opened(key, modes.CTR(iv), sealed).decode()
    except ValueError as error:
        raise UndecryptableSecret("the secret cannot be decrypted with CREDS_KEY") from error


def seal_cbc(key: bytes, iv: bytes, plain: str) -> bytes:
    """What ``open_cbc`` opens."""
    padder = PKCS7(algorithms.AES.block_size).padder()
    return _sealed(key, modes.CBC(iv), padder.update(plain.encode()) + padder.finalize())


def seal_ctr(key: bytes, iv: bytes, plain: str) -> bytes:
    """What ``open_ctr`` opens."""
    return _sealed(key, modes.CTR(iv), plain.encode())


def _sealed(key: bytes, mode: modes.CBC | modes.CTR, plain: bytes) -> bytes:
    encryptor = Cipher(algorithms.AES(key), mode).encryptor()
    return encryptor.update(plain) + encryptor.finalize()


def _opened(key: bytes, mode: modes.CBC | modes.CTR, sealed: bytes) -> bytes:
    decryptor = Cipher(algorithms.AES(key), mode).decryptor()
    return decryptor.update(sealed) + decryptor.finalize()
