"""Which part of a network address stands for one subscriber."""

from ipaddress import IPv6Address, ip_address


def subscriber_of(address: str) -> str:
    """
    Return the part of an address that stands for one subscriber.

    It is the whole of an IPv4 address, or the first half of an IPv6 address. A text that is no
    address stands for itself.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    # A socket that takes both kinds shows IPv4 addresses so. They all have the same first half.
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return f"{IPv6Address(int(parsed) >> 64 << 64)}/64"
