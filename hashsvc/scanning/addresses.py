"""Checks that a network address or host name is public: the service connects only to those."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

# These are all ranges of the IANA IPv4 Special-Purpose Address Registry that are not globally
# reachable, multicast, and the metadata services of cloud providers. 192.0.0.0/24 is refused as a
# whole, although Python's is_global allows single addresses in it.
_REFUSED_V4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "168.63.129.16/32",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.31.196.0/24",
            "192.52.193.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "192.175.48.0/24",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/3",
        ),
    )
)

# IANA IPv6 Address Space: only 2000::/3 is allocated for global unicast, so mapped, compatible,
# NAT64, unique-local, link-local, site-local and multicast addresses fall outside it. The refused
# ranges inside it are protocol assignments (including Teredo), documentation, 6to4 and AS112.
_ALLOWED_V6 = IPv6Network("2000::/3")
_REFUSED_V6 = tuple(
    map(
        IPv6Network,
        ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"),
    )
)
# RFC 5214: an ISATAP address ends with an IPv4 address and tunnels to that address.
_ISATAP, _ISATAP_MASK = 0x0000_5EFE, 0xFCFF_FFFF


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Return whether an address is an ordinary address on the public internet."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _REFUSED_V4)
    if int(address) >> 32 & _ISATAP_MASK == _ISATAP:
        return False
    return address in _ALLOWED_V6 and not any(address in network for network in _REFUSED_V6)


# Names with these endings mean something different in each network. Sources: RFC 6761, RFC 6762,
# RFC 8375, ICANN's reservation of .internal, and common use by home routers and hosting companies.
_PRIVATE_ENDINGS = (
    "localhost",
    "localdomain",
    "local",
    "internal",
    "intranet",
    "private",
    "corp",
    "home",
    "lan",
    "home.arpa",
    "onion",
    "invalid",
)


def is_private_name(host: str) -> bool:
    """
    Return whether a host name belongs to a private network rather than to the internet.

    A name without a dot is private, because the resolver completes it from its own search list. A
    number without a dot is not a name: the resolver reads it as an address.
    """
    host = host.rstrip(".").lower()
    if ":" in host or host[:1].isdigit():
        return False
    return "." not in host or any(f".{host}".endswith(f".{each}") for each in _PRIVATE_ENDINGS)
