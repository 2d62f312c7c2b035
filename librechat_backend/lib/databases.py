"""DATABASE_URL → Django's database settings."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

SQLITE_BUSY_TIMEOUT_SECONDS = 20


def database_settings(url: str, *, data_dir: Path, pool_size: int) -> dict[str, Any]:
    """SQLite below ``data_dir`` for an empty ``url``; ``sqlite:///path`` or ``postgres://…``.

    Raises ImproperlyConfigured for anything else, without the URL: it may hold a password.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise ImproperlyConfigured(f"DATABASE_URL: {error}") from error
    if not url:
        return _sqlite(data_dir / "db.sqlite3")
    if parts.scheme == "sqlite":
        return _sqlite(Path(unquote(parts.path.removeprefix("/"))))
    if parts.scheme in {"postgres", "postgresql"}:
        return _postgresql(url, pool_size)
    raise ImproperlyConfigured(
        f"DATABASE_URL: expected postgres://… or sqlite:///…, got the scheme {parts.scheme!r}"
    )


def _sqlite(path: Path) -> dict[str, Any]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ImproperlyConfigured(
            f"DATABASE_URL: cannot create {path.parent}: {error.strerror}"
        ) from error
    return {
        "ENGINE": "librechat_backend.lib.sqlite",
        "NAME": str(path),
        "OPTIONS": {
            # Readers and one writer at a time; a writer that must wait does so at BEGIN,
            # where SQLite honours the busy timeout, and not at its first write, where it fails.
            "transaction_mode": "IMMEDIATE",
            "timeout": SQLITE_BUSY_TIMEOUT_SECONDS,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
        # A file, so that the threads of a test see one database.
        "TEST": {"NAME": str(path.with_name("test.sqlite3"))},
    }


def _postgresql(url: str, pool_size: int) -> dict[str, Any]:
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "librechat_backend.lib.postgresql",
        "NAME": unquote(parts.path.removeprefix("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        # A socket directory arrives as ?host=/path, as libpq writes it.
        "HOST": options.pop("host", parts.hostname or ""),
        "PORT": options.pop("port", str(parts.port or "")),
        "OPTIONS": {
            **options,
            "pool": {"min_size": 1, "max_size": pool_size, "timeout": 30},
        },
    }
