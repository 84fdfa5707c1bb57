"""No way into the inner network: every connection goes to an address that was looked at, and to no other.

The name is resolved once, here, and the connection goes to one of the addresses that were found to be public. What the name
means a moment later (DNS rebinding), or how an address is written (``2130706433``, ``0x7f.1``, ``::ffff:127.0.0.1``), makes no
difference.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from httpcore2 import SOCKET_OPTION, ConnectError, ConnectTimeout, NetworkBackend, NetworkStream, ReadTimeout, SyncBackend

from codebook.errors import GongkaiError

Ip = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Iterable[str]]
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_USUAL_PORTS = (80, 443)
_FIRST_PORT = 1024  # services that are no web pages have the ports below
_MOST_ADDRESSES = 4  # that are tried of one host


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host, as the system resolves it. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def is_public(address: Ip) -> bool:
    """Return whether an address is one of the public Internet, also where it holds another one inside."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo and address.teredo[1])
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
        if address.is_site_local:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved and not address.is_unspecified


class AddressGuard:
    """Says to which addresses a connection may go. ``allow`` holds networks (``10.3.0.0/16``, ``127.0.0.1``) and names of hosts
    that may be fetched although they are not public. Raises ValueError for an entry that is neither.
    """

    def __init__(self, allow: Sequence[str] = (), resolver: Resolve = resolve) -> None:
        self._networks, self._hosts, self._resolve = [], set(), resolver
        for entry in allow:
            try:
                self._networks.append(ipaddress.ip_network(entry))
            except ValueError:
                if "/" in entry or not entry.replace(".", "").replace("-", "").isalnum():
                    raise ValueError(f"{entry!r} is neither a network nor a host") from None
                self._hosts.add(entry.lower())

    def addresses(self, host: str, port: int) -> list[str]:
        """Return the addresses of a host to which a connection may go.

        Raises GongkaiError fetch.unreachable when the name has none, fetch.not_public when none of them may be reached.
        """
        try:
            found = list(self._resolve(host, port))
        except (OSError, UnicodeError) as error:
            raise GongkaiError("fetch.unreachable", f"{host}: {error}", "a host that is known") from error
        good = [address for address in found if self._may(host, port, ipaddress.ip_address(address.partition("%")[0]))]
        if not good:
            where = ", ".join(found[:_MOST_ADDRESSES])
            raise GongkaiError("fetch.not_public", f"{host}:{port} is {where}", "a public address (GONGKAI_COLLECT_ALLOW)")
        return good[:_MOST_ADDRESSES]

    def _may(self, host: str, port: int, address: Ip) -> bool:
        if host.lower() in self._hosts or any(address in network for network in self._networks):
            return True
        return (port in _USUAL_PORTS or port >= _FIRST_PORT) and is_public(address)


class RefusedAddressError(Exception):
    """Carries the error of the guard through the library that asked for the connection."""

    def __init__(self, error: GongkaiError) -> None:
        super().__init__(str(error))
        self.error = error


class GuardedBackend(NetworkBackend):
    """Opens connections for one answer: to addresses that the guard lets through, until ``deadline`` (of time.monotonic), and for
    at most ``most`` bytes that come in.
    """

    def __init__(self, guard: AddressGuard, deadline: float, most: int) -> None:
        self._guard, self._deadline, self._most = guard, deadline, most
        self.peer = ""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> NetworkStream:
        """Connect to the first of the host's addresses that answers. Raises RefusedAddressError, and as the library does."""
        try:
            addresses = self._guard.addresses(host, port)
        except GongkaiError as error:
            raise RefusedAddressError(error) from error
        failed: Exception = ConnectError("no address")
        for address in addresses:
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise ConnectTimeout("the time for the answer is over")
            try:
                stream = SyncBackend().connect_tcp(
                    address, port, min(left, timeout or left), local_address, socket_options=socket_options
                )
            except (ConnectError, ConnectTimeout) as error:
                failed = error
                continue
            self.peer = address
            return BoundedStream(stream, self._deadline, self._most)
        raise failed


class BoundedStream(NetworkStream):
    """A connection that ends at a moment, however slowly the other side speaks, and after a number of bytes."""

    def __init__(self, stream: NetworkStream, deadline: float, most: int) -> None:
        self._stream, self._deadline, self._left = stream, deadline, most

    def _seconds(self, timeout: float | None) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise ReadTimeout("the time for the answer is over")
        return min(left, timeout) if timeout is not None else left

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read what is there. Raises RefusedAddressError with fetch.too_large beyond the number of bytes."""
        data = self._stream.read(max_bytes, self._seconds(timeout))
        self._left -= len(data)
        if self._left < 0:
            raise RefusedAddressError(GongkaiError("fetch.too_large", "an answer without end", "an answer within the limit"))
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send a request."""
        self._stream.write(buffer, self._seconds(timeout))

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> NetworkStream:
        """Go on over TLS, with the host's own name."""
        stream = self._stream.start_tls(ssl_context, server_hostname, self._seconds(timeout))
        return BoundedStream(stream, self._deadline, self._left)

    def get_extra_info(self, info: str) -> Any:
        """As the library has it."""
        return self._stream.get_extra_info(info)
