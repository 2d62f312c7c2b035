"""Limits on requests: a fixed window per key (contract 01 §4.12).

Counted in Redis where there is one, otherwise in a table, so that all processes of an installation
count together and a restart forgets nothing.
"""

import ipaddress
import time
from functools import lru_cache

from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.http import HttpRequest
from rest_framework.request import Request

from librechat_backend.lib.errors import TooManyRequests

TABLE = "librechat_backend_window"
KEY_LENGTH = 200
# An address has 45 characters at most, and may name a network card.
_LONGEST_ADDRESS = 80

# One statement, so that of requests that come at once each has its own number.
_COUNT = f"""
INSERT INTO {TABLE} AS open (key, count, ends_at) VALUES (%s, 1, %s)
ON CONFLICT (key) DO UPDATE SET
    count = CASE WHEN open.ends_at <= %s THEN 1 ELSE open.count + 1 END,
    ends_at = CASE WHEN open.ends_at <= %s THEN excluded.ends_at ELSE open.ends_at END
RETURNING count, ends_at
"""  # noqa: S608 — a constant
_TIDY = f"DELETE FROM {TABLE} WHERE ends_at <= %s"  # noqa: S608 — a constant


def check(scope: str, identity: str, limit: int, window_seconds: int, message: str) -> None:
    """Count one request of ``identity`` (an address, a user id) against ``scope``.

    The window opens with its first request. Raises TooManyRequests from the (limit+1)-th on.
    Not inside a transaction: what rolls it back would forget the request.
    """
    key = f"throttle:{scope}:{identity}"
    count_one = _count_in_table if settings.LIMITS_IN_DATABASE else _count_in_cache
    count, ends_at = count_one(key, window_seconds)
    if count <= limit:
        return
    raise TooManyRequests(
        message,
        headers={
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": str(ends_at),
            "Retry-After": str(max(1, ends_at - int(time.time()))),
        },
    )


def _count_in_cache(key: str, window_seconds: int) -> tuple[int, int]:
    """How many requests the window has seen, and when it ends (seconds since 1970)."""
    ends_at = int(time.time()) + window_seconds
    if cache.add(key, 1, window_seconds):
        cache.set(f"{key}:ends", ends_at, window_seconds)
        return 1, ends_at
    try:
        return cache.incr(key), int(cache.get(f"{key}:ends") or ends_at)
    except ValueError:  # the window ended between the two calls
        return _count_in_cache(key, window_seconds)


def _count_in_table(key: str, window_seconds: int) -> tuple[int, int]:
    """As above; one statement, and one more when a window opens, to remove those that are over."""
    now = int(time.time())
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, [key[:KEY_LENGTH], now + window_seconds, now, now])
        count, ends_at = cursor.fetchone()
        if count == 1:
            cursor.execute(_TIDY, [now])
    return count, ends_at


def client_ip(request: HttpRequest | Request) -> str:
    """The address that asks, in its canonical form."""
    # A server on a Unix socket names no peer; whoever reaches it is on this machine.
    peer = request.META.get("REMOTE_ADDR") or "127.0.0.1"
    return client_address(peer, request.META.get("HTTP_X_FORWARDED_FOR", ""))


def client_address(peer_address: str, forwarded_for: str) -> str:
    """Who asks, when ``peer_address`` is connected to us.

    X-Forwarded-For counts only where our own proxy wrote it: TRUST_PROXY says how many proxies
    there are, and the nearest must be on a loopback or private address.
    """
    trusted = settings.TRUST_PROXY
    nearest = forwarded_for.split(",")[-trusted:][0].strip() if trusted > 0 else ""
    # What is too long to be an address is not to be remembered.
    return _client_address(peer_address, nearest if len(nearest) < _LONGEST_ADDRESS else "")


@lru_cache(maxsize=4096)
def _client_address(peer_address: str, told: str) -> str:
    peer = _address(peer_address)
    if peer is None:
        return "0.0.0.0"  # noqa: S104 — all that name no address share one limit
    if not (told and (peer.is_loopback or peer.is_private)):
        return str(peer)
    return str(_address(told) or peer)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
