"""Secrets an operator has not set: invented once, kept in one private file below DATA_DIR.

They make the first start work without configuration. Several machines need the same values, so
there the environment variables of the same names must be set.
"""

import json
import os
import secrets
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

_HEX_BYTES = {
    "SECRET_KEY": 32,
    "JWT_SECRET": 32,
    "JWT_REFRESH_SECRET": 32,
    "CREDS_KEY": 32,
    "CREDS_IV": 16,
}


def load_or_create(path: Path) -> dict[str, str]:
    """Names of ``_HEX_BYTES`` → hexadecimal secrets; creates the file (mode 600) when missing.

    Two processes that start at once agree: the file appears whole, under its final name, once.
    Raises ImproperlyConfigured.
    """
    try:
        if not path.exists():
            _create(path)
        stored: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ImproperlyConfigured(
            f"DATA_DIR: cannot keep secrets in {path.parent}: {error.strerror}"
        ) from error
    except ValueError as error:
        raise ImproperlyConfigured(f"DATA_DIR: {path} is damaged: {error}") from error
    if missing := _HEX_BYTES.keys() - stored.keys():
        raise ImproperlyConfigured(f"DATA_DIR: {path} lacks {', '.join(sorted(missing))}")
    return stored


def _create(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    values = {name: secrets.token_hex(size) for name, size in _HEX_BYTES.items()}
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(values, file, indent=1)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass  # another process was first; its values stand
    finally:
        draft.unlink()
