"""Which network addresses may be called: public ones, and those that the operator lists."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from typing import Any

from tornado.netutil import DefaultLoopResolver, Resolver

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
"""IPv6 addresses whose last 32 bits are the IPv4 address that is reached. Source: RFC 6052."""


class AddressForbidden(OSError):
    """A host's addresses are private, and the operator does not list them."""

    def __init__(self, host: str, addresses: Sequence[str]) -> None:
        super().__init__(host, addresses)
        self.host, self.addresses = host, tuple(addresses)

    def __str__(self) -> str:
        shown = ", ".join(self.addresses[:3])
        return (
            f"{self.host} is at {shown}, which is not a public address. Such calls are refused "
            "unless the operator lists the address in TALLYBOOK_NETWORK_PRIVATE"
        )


def reached(address: IPAddress) -> IPAddress:
    """Return the IPv4 address that an IPv6 address leads to, else *address* itself."""
    if isinstance(address, ipaddress.IPv6Address):
        if address in TRANSLATED:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address.teredo is not None:
            inner = address.teredo[1]
        return inner or address
    return address


def may_be_called(text: str, listed: Sequence[IPNetwork]) -> bool:
    """Return whether the address *text* is public, or in one of the *listed* networks."""
    try:
        address = reached(ipaddress.ip_address(text.partition("%")[0]))
    except ValueError:
        return False
    if any(address.version == network.version and address in network for network in listed):
        return True
    return address.is_global and not address.is_multicast and not address.is_reserved


class GuardedResolver(Resolver):
    """Resolves names, and gives only addresses that may be called.

    The client connects to what it gives, so a name can't resolve to something else in between.
    """

    def initialize(self, listed: Sequence[IPNetwork], names: Resolver | None = None) -> None:
        """Allow public addresses and those *listed*; *names* resolves, by default the system."""
        self._listed = tuple(listed)
        self._names = names or DefaultLoopResolver()

    async def resolve(
        self, host: str, port: int, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[tuple[int, Any]]:
        """Return (family, address) of those of *host*'s addresses that may be called.

        Raises:
            AddressForbidden: None may.
            OSError: The name is unknown.
        """
        found = await self._names.resolve(host, port, family)
        allowed = [each for each in found if may_be_called(str(each[1][0]), self._listed)]
        if not allowed:
            raise AddressForbidden(host, [str(address[0]) for _, address in found])
        return allowed
