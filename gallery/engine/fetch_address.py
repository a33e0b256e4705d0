"""Which hosts and addresses the studio may connect to when a stranger chose the address."""

import ipaddress
import queue
import re
import socket
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

from django.utils.translation import gettext_noop

MAX_URL_LENGTH = 8192
_OPEN_PORTS = frozenset({80, 443})
_DEFAULT_PORTS = {"http": 80, "https": 443}

# IANA's special-purpose address registries (RFC 6890 and its updates), and multicast. Written out, because
# ipaddress.is_global differs between patch releases of Python and lets some of these through.
_REFUSED = (
    "0.0.0.0/8 10.0.0.0/8 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.168.0.0/16",  # private, local
    "100.64.0.0/10 192.0.0.0/24 192.88.99.0/24",  # carrier-grade NAT, protocol assignments, 6to4 relays
    "192.0.2.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24",  # documentation, benchmarks
    "224.0.0.0/4 240.0.0.0/4",  # multicast, reserved
    "168.63.129.16/32",  # looks public, but is a cloud's own agent as seen from inside its machines
    "2001::/23 2002::/16",  # protocol assignments (Teredo, benchmarks, ORCHID), 6to4
    "2001:db8::/32 3fff::/20 3ffe::/16",  # documentation; given back
)
_REFUSED_NETWORKS = tuple(ipaddress.ip_network(network) for line in _REFUSED for network in line.split())
# All else, with mapped and compatible IPv4, NAT64, fc00::/7, fe80::/10 and fec0::/10, lies outside of this.
_UNICAST_V6 = ipaddress.IPv6Network("2000::/3")

_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<rest>[/?][^#]*)?(?:#.*)?",
    re.IGNORECASE | re.ASCII,
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
# How inet_aton and browsers tell a number from a name: by the last label.
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)


class FetchError(Exception):
    """Why a file was not fetched, in words that can follow “it could not be fetched:”.

    `permanent`: the same address will not do better by itself. `hopeless`: nor will it after any change of settings.
    `refused`: it is one that only trusted origins may have.
    `gone`: the host answered that it does not serve this address (any more); a fresh address may work.
    """

    def __init__(
        self,
        message: str,
        *,
        permanent: bool = False,
        gone: bool = False,
        hopeless: bool = False,
        refused: bool = False,
    ) -> None:
        super().__init__(message)
        self.permanent = permanent or hopeless or refused
        self.hopeless = hopeless
        self.refused = refused
        self.gone = gone


@dataclass(frozen=True, slots=True)
class Address:
    scheme: str
    host: str
    port: int
    rest: str

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}"

    @property
    def url(self) -> str:
        port = "" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{self.host}{port}{self.rest}"

    @property
    def literal(self) -> str | None:
        """The IP address that the host is written as, if it is written as one."""
        if self.host.startswith("["):
            return self.host[1:-1]
        return self.host if _NUMBER.fullmatch(self.host.rpartition(".")[2]) else None


def is_public(address: str) -> bool:
    """Tell whether an IP address, as text, is one that a public picture host may have: global unicast."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address) and (ip.scope_id is not None or ip not in _UNICAST_V6):
        return False
    return not any(ip in network for network in _REFUSED_NETWORKS)


def normalise_origin(origin: str) -> str:
    """Write an origin as scheme://host:port, the port always there. Raises ValueError if it is none."""
    try:
        address = parse(origin)
    except FetchError as error:
        raise ValueError(f"{origin!r} is not an origin: {error}") from error
    if address.rest != "/" or "#" in origin:
        raise ValueError(f"{origin!r} is not an origin: it has more than scheme, host and port")
    return address.origin


def check(url: str, trusted_origins: Iterable[str], seconds: float) -> tuple[Address, list[str]]:
    """The address, and the IP addresses that it may lead to, looked up within so long. Raises FetchError."""
    address = parse(url)
    return address, peers_of(address, address.origin in {normalise_origin(one) for one in trusted_origins}, seconds)


def parse(url: str) -> Address:
    """Take an address apart by a stricter grammar than libcurl's, so that both read the same host in it."""
    match = None if len(url) > MAX_URL_LENGTH or _CONTROL.search(url) else _URL.fullmatch(url)
    if match is None:
        raise FetchError(gettext_noop("its address is not a plain http or https one"), hopeless=True)
    scheme, host = match["scheme"].lower(), match["host"].lower()
    port = int(match["port"] or _DEFAULT_PORTS[scheme])
    # What may not stand in a request line is encoded as browsers do it; what is encoded already stays.
    rest = "/" + (match["rest"] or "").removeprefix("/")
    address = Address(scheme, host, port, quote(rest, safe="%/?:@!$&'()*+,;=~[]", errors="replace"))
    try:
        if host.startswith("["):
            ip = ipaddress.IPv6Address(host[1:-1])
            address = Address(scheme, f"[{ip}]", port, address.rest)
        elif address.literal is not None:
            # Refuses 127.1, 0x7f.1 and 2130706433, which C libraries take for 127.0.0.1.
            ipaddress.IPv4Address(host)
        elif len(host) > 253 or not all(0 < len(label) < 64 for label in host.split(".")):
            raise ValueError(host)
    except ValueError as error:
        raise FetchError(gettext_noop("its address has no valid host"), hopeless=True) from error
    if not 0 < port < 65536:
        raise FetchError(gettext_noop("its address has no valid port"), hopeless=True)
    return address


def peers_of(address: Address, trusted: bool, seconds: float) -> list[str]:
    """Return the IP addresses that may be connected to for this address."""
    if not trusted and address.port not in _OPEN_PORTS:
        raise FetchError(
            gettext_noop("its address uses port %(port)s, not 80 or 443") % {"port": address.port}, refused=True
        )
    peers = [address.literal] if address.literal else _look_up(address, seconds)
    if not trusted and not all(is_public(peer) for peer in peers):
        raise FetchError(
            gettext_noop("its host, %(host)s, is not on the public internet") % {"host": address.host}, refused=True
        )
    return peers


def _look_up(address: Address, seconds: float) -> list[str]:
    """Resolve a name within `seconds`.

    In a thread that is left behind when it takes longer: the system's look-up can't be interrupted and has
    time-outs of its own (often 10 to 30 s). libcurl would be no better: after its time-out, closing the
    handle waits for the look-up all the same.
    """
    answers: queue.SimpleQueue[list[str]] = queue.SimpleQueue()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            found = []
        answers.put([str(entry[4][0]) for entry in found])

    threading.Thread(target=ask, name=f"look-up {address.host}", daemon=True).start()
    try:
        peers = answers.get(timeout=max(0.0, seconds))
    except queue.Empty:
        raise FetchError(
            gettext_noop("the name of its host, %(host)s, could not be looked up in time") % {"host": address.host}
        ) from None
    if not peers:
        raise FetchError(gettext_noop("its host, %(host)s, could not be found") % {"host": address.host})
    return peers
