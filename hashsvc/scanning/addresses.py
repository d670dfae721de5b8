"""Which addresses on the network may be connected to: public ones only."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

# IANA IPv4 Special-Purpose Address Registry, all that is not globally reachable, and besides:
# multicast, the metadata services of cloud providers, and 192.0.0.0/24 whole, for Python's
# is_global lets single addresses of it through.
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

# IANA IPv6 Address Space: only 2000::/3 is given out for global unicast, so mapped, compatible,
# NAT64, unique-local, link-local, site-local and multicast addresses fall outside; within it
# lie protocol assignments (Teredo among them), documentation, 6to4 and AS112.
_ALLOWED_V6 = IPv6Network("2000::/3")
_REFUSED_V6 = tuple(
    map(
        IPv6Network,
        ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"),
    )
)


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Tell whether an address is an ordinary one on the public internet."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _REFUSED_V4)
    return address in _ALLOWED_V6 and not any(address in network for network in _REFUSED_V6)
