"""Who may be asked over the network: an address is resolved once, checked, and then connected to as it was checked.

A webhook's host could name something inside (server-side request forgery, OWASP API7), and could name something else
the second time it is resolved. So no private address is connected to unless the operator listed the host, and the
socket is opened to the very address that was looked at. Proxies and redirects are not followed.
"""

import socket
import ssl
from collections.abc import Collection
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from urllib.parse import SplitResult, urlsplit

from lintel.alerts.sinks.sink import DeliveryError
from lintel.errors import InputError


@dataclass(frozen=True, slots=True)
class Receiver:
    """An HTTP receiver. `target` is path and query; both may hold a secret and are never shown."""

    scheme: str
    host: str
    port: int
    target: str = field(repr=False)
    may_be_private: bool

    def connect(self, sink: str, seconds: float) -> socket.socket:
        """A socket to an allowed address, with TLS for https. Raises DeliveryError."""
        try:
            found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise DeliveryError(sink, "its host is not known") from None
        places = [one[4] for one in found]
        if not self.may_be_private and not all(_is_public(str(place[0])) for place in places):
            raise DeliveryError(sink, "its host has a private address", permanent=True)
        try:
            plain = socket.create_connection((str(places[0][0]), self.port), timeout=seconds)
        except TimeoutError:
            raise DeliveryError(sink, "no connection in time") from None
        except OSError:
            raise DeliveryError(sink, "no connection") from None
        return plain if self.scheme == "http" else self._encrypted(plain, sink)

    def _encrypted(self, plain: socket.socket, sink: str) -> socket.socket:
        try:
            return ssl.create_default_context().wrap_socket(plain, server_hostname=self.host)
        except ssl.SSLCertVerificationError:
            plain.close()
            raise DeliveryError(sink, "its certificate is not valid") from None
        except OSError:
            plain.close()
            raise DeliveryError(sink, "no TLS") from None


def receiver_of(url: str, sink: str, private_hosts: Collection[str]) -> Receiver:
    """Who is meant by an address. Raises InputError, without the address, unless it is https or its host is one of
    `private_hosts`."""
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        raise _wrong(sink, "is no address") from None
    private = host in {one.lower() for one in private_hosts}
    if not host or parts.username or parts.password or parts.scheme not in ("http", "https"):
        raise _wrong(sink, "is not https://HOST/PATH, without a user")
    if parts.scheme == "http" and not private:
        raise _wrong(sink, "is not https, and its host is not one of LINTEL_ALERT_PRIVATE_HOSTS")
    default = 443 if parts.scheme == "https" else 80
    return Receiver(parts.scheme, host, port or default, _target(parts), private)


def _target(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _wrong(sink: str, what: str) -> InputError:
    return InputError(f"The address of the alert sink {sink!r} {what}.", mend="See docs/alerts.md.")


def _is_public(text: str) -> bool:
    """Whether everybody may mean this address. An IPv4 address in IPv6's clothes is looked at as IPv4."""
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        address = inner or address
    return address.is_global and not address.is_multicast
