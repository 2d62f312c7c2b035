"""Which addresses are the operator's own, and what a list of his opens."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from librechat_backend.lib.internal_hosts import AllowedHosts, is_internal, parse_network

NOBODY = AllowedHosts.parse([])
# RFC 6890 and its successors, written down by hand: the slow, obvious oracle for IPv4.
SPECIAL = [ipaddress.ip_network(text) for text in (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
    "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
    "224.0.0.0/4", "240.0.0.0/4",
)]  # fmt: skip


@given(st.ip_addresses(v=4) | st.sampled_from(SPECIAL).map(lambda network: network[7]))
def test_address_is_internal_in_every_spelling_of_ipv6(address: ipaddress.IPv4Address) -> None:
    if address in ipaddress.ip_network("192.0.0.0/24"):
        return  # some of it is public, some is not, and nobody lives there
    expected = any(address in network for network in SPECIAL)
    number = int(address)
    spellings = (
        address,
        ipaddress.IPv6Address((0xFFFF << 32) | number),
        ipaddress.IPv6Address((0x64FF9B << 96) | number),
        ipaddress.IPv6Address((0x2002 << 112) | (number << 80)),
    )
    assert [is_internal(each) for each in spellings] == [expected] * 4


@pytest.mark.parametrize(
    "text",
    ["::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1"],
)
def test_ipv6_address_is_internal(text: str) -> None:
    assert is_internal(ipaddress.ip_address(text))
    assert not NOBODY.allows("x", 443, ipaddress.ip_address(text))


@pytest.mark.parametrize("text", ["2606:4700::6810:85e5", "1.1.1.1", "::ffff:8.8.8.8"])
def test_public_address_needs_no_leave(text: str) -> None:
    assert NOBODY.allows("x", 443, ipaddress.ip_address(text))


@pytest.mark.parametrize(
    ("entry", "host", "port", "address", "is_allowed"),
    [
        ("ollama", "ollama", 11434, "172.18.0.3", True),
        ("ollama", "OLLAMA.", 11434, "172.18.0.3", True),
        ("ollama", "other", 11434, "172.18.0.3", False),
        ("ollama:11434", "ollama", 22, "172.18.0.3", False),
        ("*.lan", "gpu.lan", 80, "10.0.0.5", True),
        ("*.lan", "lan", 80, "10.0.0.5", False),
        ("*.lan", "a.gpu.lan", 80, "10.0.0.5", False),
        ("10.0.0.0/8", "anything", 80, "10.9.8.7", True),
        ("10.0.0.0/8", "anything", 80, "::ffff:10.9.8.7", True),
        ("10.0.0.0/8", "anything", 80, "192.168.0.1", False),
        ("10.9.8.7:8000", "x", 8000, "10.9.8.7", True),
        ("10.9.8.7:8000", "x", 8001, "10.9.8.7", False),
        ("[::1]:8000", "::1", 8000, "::1", True),
        ("::1", "::1", 99, "::1", True),
        ("*", "anything", 80, "192.168.0.1", True),
        ("*", "metadata", 80, "169.254.169.254", False),
        ("*", "metadata", 80, "100.100.100.200", False),
        ("metadata", "metadata", 80, "169.254.169.254", False),
        ("169.254.0.0/16", "metadata", 80, "169.254.169.254", True),
    ],
)
def test_list_opens_what_it_names(
    entry: str, host: str, port: int, address: str, is_allowed: bool
) -> None:
    found = AllowedHosts.parse([entry]).allows(host, port, ipaddress.ip_address(address))
    assert found is is_allowed


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("::ffff:1.2.3.4", "1.2.3.4/32"),
        ("::ffff:1.2.3.0/120", "1.2.3.0/24"),
        ("::ffff:0:0/96", "0.0.0.0/0"),
        ("::/0", "::/0"),
        ("2001:db8::1/32", "2001:db8::/32"),
        (" 10.1.2.3/8 ", "10.0.0.0/8"),
    ],
)
def test_network_of_carried_addresses_is_theirs(text: str, network: str) -> None:
    assert str(parse_network(text)) == network


@pytest.mark.parametrize("entry", ["10.0.0.0/99", "host:port", "host:99999", ":80", "nothing/8"])
def test_entry_that_means_nothing_is_an_error(entry: str) -> None:
    with pytest.raises(ValueError, match="10.0.0.0/99|host|:80|nothing"):
        AllowedHosts.parse([entry])
