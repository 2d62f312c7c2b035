"""Limits on requests: a fixed window per key, counted in Django's cache (contract 01 §4.12)."""

import ipaddress
import time

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from rest_framework.request import Request

from librechat_backend.lib.errors import TooManyRequests


def check(scope: str, identity: str, limit: int, window_seconds: int, message: str) -> None:
    """Count one request of ``identity`` (an address, a user id) against ``scope``.

    The window opens with its first request. Raises TooManyRequests from the (limit+1)-th on.
    """
    key = f"throttle:{scope}:{identity}"
    count = _count(key, window_seconds)
    if count <= limit:
        return
    now = time.time()
    ends_at = int(cache.get(f"{key}:ends") or now + window_seconds)
    raise TooManyRequests(
        message,
        headers={
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": str(ends_at),
            "Retry-After": str(max(1, ends_at - int(now))),
        },
    )


def _count(key: str, window_seconds: int) -> int:
    if cache.add(key, 1, window_seconds):
        cache.set(f"{key}:ends", int(time.time()) + window_seconds, window_seconds)
        return 1
    try:
        return cache.incr(key)
    except ValueError:  # the window ended between the two calls
        return _count(key, window_seconds)


def client_ip(request: HttpRequest | Request) -> str:
    """The address that asks, in its canonical form.

    X-Forwarded-For counts only where our own proxy wrote it: TRUST_PROXY says how many proxies
    there are, and the nearest must be on a loopback or private address.
    """
    # A server on a Unix socket names no peer; whoever reaches it is on this machine.
    peer = _address(request.META.get("REMOTE_ADDR") or "127.0.0.1")
    if peer is None:
        return "0.0.0.0"  # noqa: S104 — all that name no address share one limit
    if settings.TRUST_PROXY < 1 or not (peer.is_loopback or peer.is_private):
        return str(peer)
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    nearest = forwarded[-settings.TRUST_PROXY :]
    return str(_address(nearest[0].strip()) or peer)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
