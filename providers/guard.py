"""What keeps channels out of the operator's own network.

Addresses of channels are typed in, so a channel might be made to ask the machine beside this one.
Allowed are public addresses, what ALLOWED_INTERNAL_HOSTS names, what the environment itself names,
and the usual ports of local models on this machine. Every connection to a provider is checked where
it is made (``GuardedConnector``, ``http_client``); behind an HTTP proxy the proxy connects, and
decides.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Iterable
from functools import cache
from urllib.parse import urlsplit
from urllib.request import getproxies

from django.conf import settings

from librechat_backend.lib.internal_hosts import AllowedHosts
from providers.errors import ErrorKind, ProviderError
from providers.registry import SERVICES

SETTING = "ALLOWED_INTERNAL_HOSTS"
# How people call the machine itself; the last is Docker's name for it.
_THIS_MACHINE = ("localhost", "127.0.0.1", "[::1]", "host.docker.internal")
_REFUSED = "The address of this channel is inside the server's own network, which is not allowed."


class RefusedAddress(ProviderError):
    """``advice`` is for operators: it names the address, and what would allow it."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(ErrorKind.ADDRESS, _REFUSED)
        self.advice = (
            f"{host}:{port} is inside the server's own network. If it is meant, add it to the "
            f"server's setting {SETTING} and start it anew: {SETTING}={_shown(host)}:{port}"
        )


def told(error: ProviderError) -> str:
    """What operators hear of a failure."""
    return error.advice if isinstance(error, RefusedAddress) else error.message


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def require_allowed(host: str, port: int, addresses: Iterable[str]) -> None:
    """``addresses`` are where ``host`` is now; all of them count. Raises RefusedAddress."""
    allowed = _allowed()
    for address in addresses:
        found = ipaddress.ip_address(address.partition("%")[0])
        if not allowed.allows(host, port, found):
            raise RefusedAddress(host, port)


def require_allowed_literal(url: str) -> None:
    """The part that needs no name server: for who connects somewhere else, and passes ``url`` on.

    Raises RefusedAddress.
    """
    host, port = _endpoint(url)
    if address := _literal(host):
        require_allowed(host, port, [address])
    elif host.rstrip(".").rpartition(".")[2] == "localhost":
        require_allowed(host, port, ["127.0.0.1"])


def _endpoint(url: str) -> tuple[str, int]:
    """Host and port; an empty host where ``url`` is no address of the web."""
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return "", 0
    return (parts.hostname or "", port) if parts.scheme in ("http", "https") else ("", 0)


def _literal(host: str) -> str:
    """Also of the short and numeric spellings (127.1, 2130706433) that C libraries take."""
    try:
        return str(ipaddress.ip_address(host.partition("%")[0]))
    except ValueError:
        pass
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except OSError:
        return ""


def problem_with(url: str) -> str:
    """Why an address that is being entered cannot be used; empty where nothing speaks against it.

    Asks the name server. A name that is unknown just now is no problem: each connection is checked.
    """
    host, port = _endpoint(url)
    if not host:
        return "Enter an address such as https://api.example.com/v1."
    try:
        require_allowed_literal(url)
        require_allowed(host, port, _lookup(host, port))
    except RefusedAddress as refused:
        return refused.advice
    return ""


def _lookup(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return [str(address[0]) for *_, address in found]


async def resolve(host: str, port: int) -> list[str]:
    """Where to connect to. Raises RefusedAddress, OSError."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(address[0]) for *_, address in found))
    require_allowed(host, port, addresses)
    return addresses


def _allowed() -> AllowedHosts:
    """Cheap: the list changes with the settings alone."""
    return _parsed(tuple(settings.ALLOWED_INTERNAL_HOSTS), tuple(_of_the_environment()))


@cache
def _parsed(*entries: tuple[str, ...]) -> AllowedHosts:
    return AllowedHosts.parse([*_local_services(), *(each for some in entries for each in some)])


def _local_services() -> list[str]:
    """The ports services have on the machine they are installed on, by their own rows."""
    ports = {
        urlsplit(row.base_url).port for row in SERVICES.values() if "localhost" in row.base_url
    }
    return [f"{host}:{port}" for host in _THIS_MACHINE for port in sorted(filter(None, ports))]


def _of_the_environment() -> list[str]:
    """Who can set the environment needs no leave: addresses of providers, relay and proxies."""
    named = [*settings.PROVIDER_ENVIRONMENT.values(), settings.RELAY_PROXY_URL, *_proxies()]
    return [f"{_shown(host)}:{port}" for host, port in map(_endpoint, named) if host]


@cache
def _proxies() -> tuple[str, ...]:
    return tuple(getproxies().values())
