"""Which addresses lie inside the operator's own network, and which of them are allowed. Pure.

What people can type in as an address is checked twice: when it is entered, and each time a
connection is made, against the very addresses that are connected to. A name that points elsewhere
a moment later is caught by the second.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

EVERYTHING = "*"
# ::ffff:0:0/96, in which IPv4 addresses are written as IPv6.
_MAPPED_PREFIX = 96
_NAT64 = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))
# Where clouds tell a machine its own secrets. Nothing opens these but their own mention.
_METADATA = (
    ipaddress.ip_network("169.254.0.0/16"),
    ipaddress.ip_network("fe80::/10"),
    ipaddress.ip_network("fd00:ec2::254/128"),
    ipaddress.ip_network("fd20:ce::254/128"),
    ipaddress.ip_network("100.100.100.200/32"),
)


def is_internal(address: IPAddress) -> bool:
    """Whether it is anything but a public address of one machine."""
    inner = _carried(address)
    return (
        not inner.is_global
        or inner.is_multicast
        or inner.is_reserved
        or inner.is_unspecified
        or (isinstance(inner, ipaddress.IPv6Address) and inner.is_site_local)
    )


def is_metadata(address: IPAddress) -> bool:
    return any(_carried(address) in network for network in _METADATA)


def _carried(address: IPAddress) -> IPAddress:
    """The IPv4 address inside of an IPv6 one, by whichever way it is carried."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if any(address in network for network in _NAT64):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo[1] if address.teredo else None
    return address.ipv4_mapped or address.sixtofour or teredo or address


@dataclass(frozen=True, slots=True)
class AllowedHosts:
    """An operator's list: ``ollama``, ``*.lan``, ``gpu.lan:8000``, ``10.0.0.0/8``, ``*``.

    A port narrows an entry. ``*`` and names open no metadata address; a network that holds it does.
    """

    names: frozenset[tuple[str, int | None]]
    networks: tuple[tuple[Network, int | None], ...]

    @classmethod
    def parse(cls, entries: Iterable[str]) -> AllowedHosts:
        """Raises ValueError naming the entry."""
        names: set[tuple[str, int | None]] = set()
        networks: list[tuple[Network, int | None]] = []
        for entry in entries:
            host, port = _split(entry)
            network = _network(host)
            if network is not None:
                networks.append((network, port))
            else:
                names.add((_bare(host), port))
        return cls(frozenset(names), tuple(networks))

    def allows(self, host: str, port: int, address: IPAddress) -> bool:
        """Whether ``host``, which is at ``address``, may be connected to."""
        inner = _carried(address)
        if not (is_internal(address) or is_metadata(address)):
            return True
        if any(inner in network and wanted in (None, port) for network, wanted in self.networks):
            return True
        return not is_metadata(address) and self._names(host, port)

    def _names(self, host: str, port: int) -> bool:
        bare = _bare(host)
        _, _, parent = bare.partition(".")
        forms = [EVERYTHING, bare, f"*.{parent}" if parent else bare]
        return any((form, wanted) in self.names for form in forms for wanted in (None, port))


def _split(entry: str) -> tuple[str, int | None]:
    """``host``, ``host:port``, ``[v6]:port``, or a network."""
    text = entry.strip()
    if "/" in text or text.count(":") > 1 and not text.startswith("["):
        return text, None
    host, colon, port = text.rpartition(":")
    if text.endswith("]") or not colon:
        host, port = text, ""
    if not host or (port and not (port.isascii() and port.isdigit() and int(port) < 65536)):
        raise ValueError(f"{entry!r} is no host, host:port or network")
    return host.strip("[]"), int(port) if port else None


def parse_network(text: str) -> Network:
    """An address stands for itself, and one that carries an IPv4 address for that one. Raises
    ValueError.
    """
    network = ipaddress.ip_network(text.strip(), strict=False)
    carried = getattr(network.network_address, "ipv4_mapped", None)
    if carried is None or network.prefixlen < _MAPPED_PREFIX:
        return network
    return ipaddress.ip_network((carried, network.prefixlen - _MAPPED_PREFIX))


def _network(text: str) -> Network | None:
    try:
        return parse_network(text)
    except ValueError:
        if "/" in text:
            raise
        return None


def _bare(host: str) -> str:
    return host.casefold().rstrip(".")
