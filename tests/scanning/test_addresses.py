"""Only ordinary addresses of the public internet count as public."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashsvc.scanning import is_public

# IANA Special-Purpose Address Registries, and what cloud providers put beside them: the first and
# the last address of each network.
SPECIAL = {
    "this network": ("0.0.0.0", "0.255.255.255"),  # noqa: S104 - nothing is bound.
    "private 10": ("10.0.0.0", "10.255.255.255"),
    "carrier-grade NAT": ("100.64.0.0", "100.127.255.255"),
    "Alibaba metadata": ("100.100.100.200",),
    "loopback": ("127.0.0.0", "127.0.0.1", "127.255.255.255"),
    "Azure platform": ("168.63.129.16",),
    "link-local": ("169.254.0.0", "169.254.255.255"),
    "AWS, GCP and Azure metadata": ("169.254.169.254", "169.254.170.2", "fd00:ec2::254"),
    "private 172": ("172.16.0.0", "172.31.255.255"),
    "protocol assignments": ("192.0.0.0", "192.0.0.9", "192.0.0.10", "192.0.0.255"),
    "Oracle metadata": ("192.0.0.192",),
    "documentation 1": ("192.0.2.0", "192.0.2.255"),
    "AS112": ("192.31.196.0", "192.175.48.255", "2620:4f:8000::1"),
    "AMT": ("192.52.193.0", "192.52.193.255"),
    "6to4 relays": ("192.88.99.0", "192.88.99.255"),
    "private 192": ("192.168.0.0", "192.168.255.255"),
    "benchmarking": ("198.18.0.0", "198.19.255.255", "2001:2::1"),
    "documentation 2": ("198.51.100.0", "198.51.100.255"),
    "documentation 3": ("203.0.113.0", "203.0.113.255"),
    "multicast": ("224.0.0.0", "239.255.255.255", "ff02::1", "ff0e::1"),
    "reserved": ("240.0.0.0", "255.255.255.254"),
    "broadcast": ("255.255.255.255",),
    "unspecified": ("::",),
    "IPv6 loopback": ("::1",),
    "IPv4-compatible": ("::127.0.0.1", "::8.8.8.8"),
    "IPv4-mapped": ("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:8.8.8.8"),
    "IPv4-translated": ("::ffff:0:7f00:1",),
    "NAT64": ("64:ff9b::127.0.0.1", "64:ff9b::8.8.8.8", "64:ff9b:1::a00:1"),
    "discard": ("100::", "100::1"),
    "Teredo": ("2001::", "2001:0:4136:e378:8000:63bf:3fff:fdd2"),
    "ORCHID": ("2001:10::1", "2001:20::1", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff"),
    "IPv6 documentation": ("2001:db8::", "2001:db8:ffff:ffff::1", "3fff::1", "3fff:fff::1"),
    "6to4": ("2002::", "2002:7f00:1::1", "2002:808:808::1"),
    "segment routing": ("5f00::1",),
    "never given out": ("1fff:ffff::1", "4000::", "8000::1", "e000::1"),
    "unique local": ("fc00::", "fd12:3456:789a::1"),
    "IPv6 link-local": ("fe80::", "fe80::1", "febf:ffff::1"),
    "site-local": ("fec0::1",),
}

# Neighbours of what is refused, and well-known hosts.
PUBLIC = (
    "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0",
    "126.255.255.255", "128.0.0.0", "168.63.129.15", "168.63.129.17", "169.253.255.255",
    "169.255.0.0", "172.15.255.255", "172.32.0.0", "191.255.255.255", "192.0.1.0", "192.0.3.0",
    "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255",
    "2001:200::1", "2001:4860:4860::8888", "2001:db7:ffff::1", "2001:db9::1", "2003::1",
    "2606:4700:4700::1111", "2a00:1450:400e::1", "3ffe::1",
)  # fmt: skip

addresses = st.one_of(
    st.builds(IPv4Address, st.integers(0, 2**32 - 1)),
    st.builds(IPv6Address, st.integers(0, 2**128 - 1)),
    st.builds(IPv6Address, st.integers(0x2000 << 112, (0x4000 << 112) - 1)),
    st.builds(IPv6Address, st.integers(0x2001 << 112, (0x2003 << 112) - 1)),
    st.ip_addresses(),
)


@pytest.mark.parametrize(
    "address", [each for several in SPECIAL.values() for each in several], ids=str
)
def test_special_addresses_are_refused(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_ordinary_addresses_are_allowed(address: str) -> None:
    assert is_public(ip_address(address))


@settings(max_examples=500, deadline=None)
@given(address=addresses)
def test_nothing_is_public_that_python_calls_not_global(
    address: IPv4Address | IPv6Address,
) -> None:
    if is_public(address):
        assert address.is_global
        assert not address.is_multicast


@settings(max_examples=200, deadline=None)
@given(hidden=st.builds(IPv4Address, st.integers(0, 2**32 - 1)))
@pytest.mark.parametrize(
    "prefix", ["::", "::ffff:0:0", "::ffff:0:0:0", "64:ff9b::", "64:ff9b:1::", "2002::"]
)
def test_no_ipv4_address_gets_through_inside_an_ipv6_one(prefix: str, hidden: IPv4Address) -> None:
    shift = 80 if prefix == "2002::" else 0
    assert not is_public(IPv6Address(int(IPv6Address(prefix)) | int(hidden) << shift))
