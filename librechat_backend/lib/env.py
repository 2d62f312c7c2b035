"""Settings from the environment: typed, loud, and with secrets from files.

Precedence: the process environment, then ``.env``. ``X_FILE`` names a file that holds the value
of ``X``. A value that does not parse stops the start with a message that names the variable.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from dotenv import dotenv_values

from librechat_backend.lib.internal_hosts import AllowedHosts

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}

# For how long at most. What lasts longer has no end a calendar could tell.
MILLENNIUM_DAYS = 365_000
MILLENNIUM_MINUTES = MILLENNIUM_DAYS * 24 * 60
MILLENNIUM_MS = MILLENNIUM_DAYS * 24 * 60 * 60 * 1000


def read_dotenv(path: Path) -> dict[str, str]:
    """The variables of a ``.env`` file as they stand there. Raises OSError, UnicodeDecodeError."""
    with path.open(encoding="utf-8") as file:
        values = dotenv_values(stream=file, interpolate=False)
    return {name: value for name, value in values.items() if value is not None}


class Env:
    """Typed access to one mapping of environment variables; ``names``: those that were read."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self.names: set[str] = set()

    @classmethod
    def load(cls, environ: Mapping[str, str], dotenv: Path) -> "Env":
        """Merge ``.env`` (if it exists) below ``environ``."""
        try:
            from_file = {k: v for k, v in dotenv_values(dotenv).items() if v is not None}
        except (OSError, UnicodeDecodeError) as error:
            raise ImproperlyConfigured(f"{dotenv}: cannot be read: {error}") from error
        return cls({**from_file, **environ})

    def text(self, name: str, default: str = "") -> str:
        """The stripped value; an empty value counts as unset."""
        self.names.add(name)
        file_name = self._values.get(f"{name}_FILE", "").strip()
        if file_name:
            return self._read(name, file_name)
        return self._values.get(name, "").strip() or default

    def _read(self, name: str, file_name: str) -> str:
        try:
            return Path(file_name).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ImproperlyConfigured(f"{name}_FILE: cannot read {file_name}: {error}") from error

    def boolean(self, name: str, default: bool) -> bool:
        value = self.text(name).lower()
        if not value:
            return default
        if value in _TRUE | _FALSE:
            return value in _TRUE
        raise ImproperlyConfigured(f"{name}: expected true or false, got {value!r}")

    def integer(
        self, name: str, default: int, *, minimum: int = 0, maximum: int | None = None
    ) -> int:
        value = self.text(name)
        if not value:
            return default
        number = int(value) if re.fullmatch("[0-9]{1,18}", value) else minimum - 1
        if number < minimum or (maximum is not None and number > maximum):
            limits = f"of at least {minimum}" if maximum is None else f"from {minimum} to {maximum}"
            raise ImproperlyConfigured(f"{name}: expected a whole number {limits}, got {value!r}")
        return number

    def minutes(self, name: str, default: int) -> int:
        """How long something lasts: at least one, and no longer than a calendar tells."""
        return self.integer(name, default, minimum=1, maximum=MILLENNIUM_MINUTES)

    def address(self, name: str, default: str = "") -> str:
        """An http(s) address, without a slash at its end."""
        value = self.text(name, default).rstrip("/")
        if value and not re.match(r"https?://[^/\s]+", value, re.IGNORECASE):
            raise ImproperlyConfigured(
                f"{name}: expected an address such as https://chat.example.com, got {value!r}"
            )
        return value

    def redis_url(self, name: str) -> str:
        """``redis://``, ``rediss://`` or ``unix://``; its value may hold a password."""
        value = self.text(name)
        if value and not value.startswith(("redis://", "rediss://", "unix://")):
            raise ImproperlyConfigured(f"{name}: expected redis://HOST:PORT/NUMBER")
        return value

    def items(self, name: str, default: str = "") -> list[str]:
        """A comma-separated list without empty entries."""
        return [item.strip() for item in self.text(name, default).split(",") if item.strip()]

    def hosts(self, name: str) -> list[str]:
        """Names, addresses and networks, as internal_hosts.AllowedHosts reads them."""
        entries = self.items(name)
        try:
            AllowedHosts.parse(entries)
        except ValueError as error:
            raise ImproperlyConfigured(f"{name}: {error}") from error
        return entries

    def choice(self, name: str, default: str, allowed: set[str]) -> str:
        value = self.text(name, default).lower()
        if value not in allowed:
            raise ImproperlyConfigured(
                f"{name}: expected one of {', '.join(sorted(allowed))}, got {value!r}"
            )
        return value

    def hexadecimal(self, name: str, default: str, *, size: int) -> str:
        """A hexadecimal string of exactly ``size`` bytes."""
        value = self.text(name, default)
        try:
            if len(bytes.fromhex(value)) == size:
                return value
        except ValueError:
            pass
        raise ImproperlyConfigured(f"{name}: expected {size * 2} hexadecimal digits")
