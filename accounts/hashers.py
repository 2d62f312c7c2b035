"""Password hashes that came from LibreChat."""

import bcrypt
from django.contrib.auth.hashers import BCryptPasswordHasher

BCRYPT_LIMIT_BYTES = 72


class LibreChatPasswordHasher(BCryptPasswordHasher):
    """bcrypt as LibreChat's library applies it: bytes beyond the 72nd do not count.

    The Python library raises ValueError for such passwords instead.
    """

    rounds = 10  # as LibreChat's, so that an attempt that only pretends takes as long

    def encode(self, password: str, salt: bytes) -> str:  # type: ignore[override]
        data = bcrypt.hashpw(password.encode()[:BCRYPT_LIMIT_BYTES], salt)
        return f"{self.algorithm}${data.decode('ascii')}"
