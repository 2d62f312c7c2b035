"""Channels inside the operator's own network, which ALLOWED_INTERNAL_HOSTS has to name."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from providers.guard import RefusedAddress, require_allowed, require_allowed_literal

# Of a name that no public name server knows.
_PRIVATE_ENDINGS = (".local", ".lan", ".internal", ".home", ".svc")
_SOMEWHERE_INSIDE = "192.168.0.1"


def unallowed_hosts(urls: Iterable[str]) -> list[str]:
    """``host:port`` of those that would be refused. Asks no name server: what a public name stands
    for is checked with each connection."""
    return list(dict.fromkeys(filter(None, map(_unallowed, urls))))


def _unallowed(url: str) -> str:
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        require_allowed_literal(url)
        if host and ("." not in host and ":" not in host or host.endswith(_PRIVATE_ENDINGS)):
            require_allowed(host, port, [_SOMEWHERE_INSIDE])
    except RefusedAddress:
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return ""
