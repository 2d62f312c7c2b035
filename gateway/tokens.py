"""What an API key looks like, and what is stored of it. Pure (contract 04 §13.1)."""

import hashlib
import re
import secrets

PREFIX_LENGTH = 8
# Ours have 64 hexadecimal digits; those taken over from one-api and new-api other letters, too.
_FORM = re.compile(r"sk-[0-9A-Za-z]{32,128}")


def new_secret() -> str:
    """``sk-`` and 256 random bits in hexadecimal."""
    return f"sk-{secrets.token_hex(32)}"


def looks_like_secret(text: str) -> bool:
    return _FORM.fullmatch(text) is not None


def hash_secret(secret: str) -> str:
    """SHA-256 in hexadecimal: of 256 random bits no slower hash is needed."""
    return hashlib.sha256(secret.encode()).hexdigest()


def shown_prefix(secret: str) -> str:
    return secret[:PREFIX_LENGTH]
