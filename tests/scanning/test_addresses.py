"""Only ordinary addresses of the public internet count as public."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashsvc.scanning import is_public
from tests.scanning.special_addresses import SPECIAL_ADDRESSES

# Neighbours of the refused networks, and well-known hosts.
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
    "address", [each for several in SPECIAL_ADDRESSES.values() for each in several], ids=str
)
def test_special_addresses_are_refused(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_ordinary_addresses_are_allowed(address: str) -> None:
    assert is_public(ip_address(address))


@settings(max_examples=500, deadline=None)
@given(address=addresses)
def test_no_address_is_public_that_python_calls_not_global(
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
def test_an_ipv4_address_inside_an_ipv6_address_is_refused(
    prefix: str, hidden: IPv4Address
) -> None:
    shift = 80 if prefix == "2002::" else 0
    assert not is_public(IPv6Address(int(IPv6Address(prefix)) | int(hidden) << shift))
