"""LibreChat's encrypted values (docs/moving-in.md). Nothing here is ever printed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_bytes

from dotenv import dotenv_values

from librechat_backend.lib import crypto
from librechat_backend.lib.crypto import UndecryptableSecret
from librechat_backend.lib.json import JSONDict

V3 = "v3:"
KEY_SIZES = (16, 24, 32)
IV_BYTES = 16


@dataclass(frozen=True, slots=True)
class Secrets:
    """``key`` and ``iv`` as the old server's environment has them: hexadecimal, or empty."""

    key: str = field(default="", repr=False)
    iv: str = field(default="", repr=False)

    @classmethod
    def load(cls, environ: Mapping[str, str], path: Path | None) -> Secrets:
        """From a ``.env`` file, else from SOURCE_CREDS_KEY and SOURCE_CREDS_IV of ``environ``."""
        found = dotenv_values(path) if path is not None else {}
        key = found.get("CREDS_KEY") or environ.get("SOURCE_CREDS_KEY") or ""
        iv = found.get("CREDS_IV") or environ.get("SOURCE_CREDS_IV") or ""
        return cls(key.strip(), iv.strip())

    @property
    def is_usable(self) -> bool:
        try:
            return len(bytes.fromhex(self.key)) in KEY_SIZES
        except ValueError:
            return False

    def decrypt(self, stored: str) -> str:
        """Any of the three formats; a v2 value that was never encrypted has no colon, see v1.

        Raises UndecryptableSecret.
        """
        try:
            if stored.startswith(V3):
                iv, _, sealed = stored.removeprefix(V3).partition(":")
                return crypto.open_ctr(self._bytes(), bytes.fromhex(iv), bytes.fromhex(sealed))
            iv, colon, sealed = stored.rpartition(":")
            return crypto.open_cbc(
                self._bytes(), bytes.fromhex(iv if colon else self.iv), bytes.fromhex(sealed)
            )
        except ValueError as error:
            raise UndecryptableSecret("the secret cannot be decrypted with CREDS_KEY") from error

    def seal_v1(self, plain: str) -> str:
        """Under the fixed IV, as keys people entered are kept."""
        return crypto.seal_cbc(self._bytes(), bytes.fromhex(self.iv), plain).hex()

    def seal_v2(self, plain: str) -> str:
        """As tools' keys are kept."""
        iv = token_bytes(IV_BYTES)
        return f"{iv.hex()}:{crypto.seal_cbc(self._bytes(), iv, plain).hex()}"

    def seal_v3(self, plain: str) -> str:
        iv = token_bytes(IV_BYTES)
        return f"{V3}{iv.hex()}:{crypto.seal_ctr(self._bytes(), iv, plain).hex()}"

    def _bytes(self) -> bytes:
        return bytes.fromhex(self.key)

    def contradicts(self, metadata: JSONDict) -> list[str]:
        """Which of the two differ from what the old server remembers of them."""
        known = metadata.get("fingerprints")
        prints = known if isinstance(known, dict) else {}
        given = {"CREDS_KEY": self.key, "CREDS_IV": self.iv}
        return [
            name
            for name, value in given.items()
            if value and prints.get(name) and prints[name] != fingerprint(value)
        ]


def fingerprint(value: str) -> str:
    """Of the text of the variable, not of the bytes it stands for."""
    return hashlib.sha256(value.encode()).hexdigest()
