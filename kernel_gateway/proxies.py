"""Finds the client of a request behind trusted proxies: its address, and whether it used TLS."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Client:
    """The client of a request.

    Attributes:
        address: Its IP address as text; for IPv6 its /64 network, since one host may use all of
            that.
        tls: Whether it uses TLS, to this service or to a trusted proxy.
    """

    address: str
    tls: bool


class TrustedProxies:
    """Reads ``X-Forwarded-For`` and ``X-Forwarded-Proto``, but only from trusted proxies."""

    def __init__(self, networks: Iterable[IPNetwork]) -> None:
        self._networks = tuple(networks)

    def client(self, headers: Mapping[str, str], peer: str, *, tls: bool) -> Client:
        """Return the client that sent a request.

        Args:
            headers: The request's headers.
            peer: IP address of the connection's peer.
            tls: Whether that connection is TLS.
        """
        address = _address(peer)
        if address is None or not self._trusted(address):
            return Client(_shown(address, peer), tls)
        scheme = headers.get("X-Forwarded-Proto", "").rpartition(",")[2].strip().lower()
        # Each proxy appends the address it saw: read from the right while the proxies are trusted.
        for text in reversed(headers.get("X-Forwarded-For", "").split(",")):
            named = _address(text.strip())
            if named is None:
                break
            address = named
            if not self._trusted(named):
                break
        return Client(_shown(address, peer), scheme == "https" if scheme else tls)

    def _trusted(self, address: IPAddress) -> bool:
        return any(address in network for network in self._networks)


def networks(text: str) -> tuple[IPNetwork, ...]:
    """Parse addresses and networks separated by spaces; `ValueError` names an invalid one."""
    return tuple(ipaddress.ip_network(part) for part in text.split())


def _address(text: str) -> IPAddress | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _shown(address: IPAddress | None, peer: str) -> str:
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((int(address), 64), strict=False))
    return peer if address is None else str(address)
