"""Listeners on every address of this machine, which hear what a browser sends past its proxy."""

import re
import socket
import struct
import threading
from contextlib import ExitStack, suppress
from typing import Self

_MDNS_PORT = 5353
_MDNS_GROUPS = ("224.0.0.251", "ff02::fb")
# Other programs use multicast DNS too. Chromium announces random names, and asks for the names of
# a page's candidates; under the host rules of the renderer, for "~NOTFOUND".
_FROM_BROWSER = re.compile(rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\x05local|NOTFOUND")
# No packet is sent to these documentation addresses; a connected UDP socket only gets its route.
_FAR_AWAY = (("192.0.2.1", socket.AF_INET), ("2001:db8::1", socket.AF_INET6))


def own_addresses() -> list[str]:
    """Return both loopback addresses, and the addresses with which this machine reaches others."""
    found = ["127.0.0.1"]
    for address, family in (("::1", socket.AF_INET6), *_FAR_AWAY):
        with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as asking:
            asking.connect((address, 9))
            found.append(asking.getsockname()[0])
    return list(dict.fromkeys(found))


class Canaries:
    """
    UDP and TCP listeners on one port of each own address, and members of the groups of mDNS.

    Attributes:
        addresses: The addresses.

        port: The port.

        heard: What arrived: protocol and address, once for each packet or connection.
    """

    def __init__(self) -> None:
        self.addresses = own_addresses()
        self.port = 0
        self.heard: list[str] = []
        self._open = ExitStack()

    def __enter__(self) -> Self:
        for is_last in (False, False, False, True):
            try:
                self._open_all()
            except OSError:  # Another program has the port on one of the addresses.
                self._open.close()
                self.port = 0
                if is_last:
                    raise
            else:
                break
        return self

    def __exit__(self, *_error: object) -> None:
        self._open.close()

    @property
    def hosts(self) -> list[str]:
        """The addresses as URLs have them."""
        return [f"[{each}]" if ":" in each else each for each in self.addresses]

    def _open_all(self) -> None:
        for address in self.addresses:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            tcp = self._open.enter_context(
                socket.create_server((address, self.port), family=family)
            )
            self.port = tcp.getsockname()[1]
            udp = self._open.enter_context(socket.socket(family, socket.SOCK_DGRAM))
            udp.bind((address, self.port))
            self._listen(udp, f"udp {address}")
            self._accept(tcp, f"tcp {address}")
        for group in _MDNS_GROUPS:
            with suppress(OSError):  # A machine without IPv6, or without multicast.
                self._listen(self._open.enter_context(self._member(group)), "mdns")

    def _member(self, group: str) -> socket.socket:
        family = socket.AF_INET6 if ":" in group else socket.AF_INET
        member = socket.socket(family, socket.SOCK_DGRAM)
        member.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        member.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        member.bind(("", _MDNS_PORT))
        packed = socket.inet_pton(family, group)
        if family == socket.AF_INET:
            for address in self.addresses:
                if ":" not in address:
                    joined = packed + socket.inet_aton(address)
                    member.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, joined)
        else:
            for number, _ in socket.if_nameindex():
                with suppress(OSError):
                    joined = packed + struct.pack("@I", number)
                    member.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, joined)
        return member

    def _listen(self, listening: socket.socket, name: str) -> None:
        def listen() -> None:
            with suppress(OSError):
                while True:
                    packet = listening.recv(65_536)
                    if name != "mdns" or _FROM_BROWSER.search(packet):
                        self.heard.append(name)

        self._in_background(listen, listening)

    def _accept(self, listening: socket.socket, name: str) -> None:
        def accept() -> None:
            with suppress(OSError):
                while True:
                    visitor, _ = listening.accept()
                    self.heard.append(name)
                    visitor.close()

        self._in_background(accept, listening)

    def _in_background(self, work: object, listening: socket.socket) -> None:
        assert callable(work)
        threading.Thread(target=work, daemon=True).start()

        def wake() -> None:
            # The thread keeps waiting in the socket otherwise.
            with suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)

        self._open.callback(wake)
