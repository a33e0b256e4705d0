"""Downloads a file from an address that a stranger chose, without becoming the stranger's arm in our network.

An upstream's answer names where its picture lies, so the address is input: it may point at a database next
door, at a cloud's metadata service, at a host that answers for ever. What is held against that:

- Only http and https, on ports 80 and 443. A name is looked up here, once; if any of its addresses is not
  plain public unicast, nothing is opened. libcurl is given the addresses that were checked, and stopped if it
  wants another, so a name that changes its mind in between (DNS rebinding) gains nothing. Host, SNI and
  certificate still go by the name.
- Redirects are followed by hand, each hop checked like the first.
- One deadline for everything, a lowest speed, and a cap on bytes, before and after unpacking. libcurl keeps its
  time-out however slowly a server drips; requests and urllib3 count only the silence between two bytes.
- Nothing of ours goes along: no key, cookie, netrc or referrer. Proxies from the environment are not used: a
  proxy would look the name up by itself and undo the check.

Origins that an operator trusts (an object store next door, the sandbox) may have any address and port.

What came is told by its bytes, which the caller looks at, and not by headers: stores keep pictures under any content
type, and name encodings that are none.
"""

import ipaddress
import re
import socket
import time
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from io import BytesIO
from typing import IO
from urllib.parse import urljoin

import certifi
import pycurl
from django.utils.translation import gettext_noop

from gallery.engine.fetch_address import Address, FetchError, normalise_origin, parse, peers_of
from gallery.images.kinds import PICTURES, kind_of

MAX_REDIRECTS = 3
MAX_HEADER_BYTES = 64 * 2**10
# A second. What comes more slowly than that does not come.
STALL_BYTES = 1024
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# Answers that may bring a whole file. 206 is one to a question for a part, which is never asked here.
_BRING_FILES = frozenset({200, 201, 203, 206})
# No encoding was asked for. gzip and deflate are unpacked here all the same, these by libcurl if it is told to; any
# other name (aws-chunked, none, utf-8) changes nothing about the bytes.
_OF_LIBCURL = frozenset({"br", "zstd"})
_WHOLE = re.compile(r"bytes 0-([0-9]{1,18})/([0-9]{1,18}|\*)", re.IGNORECASE | re.ASCII)

_STATUS = re.compile(rb"HTTP/\S+ +([0-9]{3})\b")


@dataclass(frozen=True, slots=True)
class FetchedInfo:
    """Declared type (lower case, no parameters, may be empty), size in bytes, and who served it at last.

    The type is what a header said, and no more than that.
    """

    content_type: str
    byte_size: int
    final_url: str


def fetch(
    url: str,
    into: IO[bytes],
    *,
    trusted_origins: Iterable[str] = frozenset(),
    max_bytes: int = 40 * 2**20,
    deadline: float = 60.0,
    connect_timeout: float = 5.0,
    stall_seconds: int = 5,
    ca_file: str | None = None,
) -> FetchedInfo:
    """Write the file at `url` into `into`, from where that stands.

    `trusted_origins` ("http://minio:9000") are free of the rules on addresses and ports, also when redirected
    to. `deadline` is the time for all of it, `connect_timeout` that for a look-up and for a connection, in
    seconds. Less than STALL_BYTES a second, for `stall_seconds`, ends it early. `ca_file` is a PEM bundle to use
    instead of certifi's.

    Raises FetchError; `into` may then hold a part. Raises ValueError for a malformed trusted origin, and
    what `into.write` raises.
    """
    ends = time.monotonic() + deadline
    trusted = {normalise_origin(origin) for origin in trusted_origins}
    address = parse(url)
    for _ in range(MAX_REDIRECTS + 1):
        peers = peers_of(address, address.origin in trusted, min(connect_timeout, ends - time.monotonic()))
        exchange = _Exchange(into, max_bytes, peers)
        ca_file = ca_file or certifi.where()
        _perform(exchange, address, ends - time.monotonic(), connect_timeout, stall_seconds, ca_file)
        if exchange.needs_libcurl:
            exchange = _Exchange(into, max_bytes, peers, decodes=True)
            _perform(exchange, address, ends - time.monotonic(), connect_timeout, stall_seconds, ca_file)
        if exchange.location is None:
            return FetchedInfo(exchange.main_value("content-type"), exchange.received, address.url)
        try:
            target = parse(urljoin(address.url, exchange.location))
        except ValueError as error:
            raise FetchError(gettext_noop("its host redirects to nowhere"), permanent=True) from error
        if (address.scheme, target.scheme) == ("https", "http"):
            raise FetchError(
                gettext_noop("its host redirects from a secure address to an insecure one"), permanent=True
            )
        address = target
    raise FetchError(gettext_noop("its host redirects too many times"), permanent=True)


def only_to(peers: list[str]) -> Callable[..., socket.socket | int]:
    """For libcurl: opens connections to these IP addresses, and to no others."""
    return _Exchange(BytesIO(), 0, peers).on_socket


@dataclass(slots=True)
class _Exchange:
    """One request and its answer, as libcurl tells of them. A callback that returns 0 makes libcurl stop."""

    into: IO[bytes]
    max_bytes: int
    peers: list[str]
    # Whether libcurl unpacks what comes.
    decodes: bool = False
    status: int = 0
    # Bytes as they came, and as they were written.
    raw: int = 0
    received: int = 0
    header_bytes: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    judged: bool = False
    location: str | None = None
    # The first bytes, as long as it is open whether they are to be unpacked.
    held: bytes = b""
    is_begun: bool = False
    unpacker: "zlib._Decompress | None" = None
    needs_libcurl: bool = False
    # Why we stopped it: an exception that leaves a callback is only printed.
    trouble: Exception | None = None

    def main_value(self, header: str) -> str:
        return self.headers.get(header, "").partition(";")[0].strip().lower()

    def on_socket(self, _purpose: int, target: tuple[int, int, int, tuple[str, int]]) -> socket.socket | int:
        family, kind, protocol, peer = target
        checked = {ipaddress.ip_address(address) for address in self.peers}
        if family not in (socket.AF_INET, socket.AF_INET6) or ipaddress.ip_address(peer[0]) not in checked:
            self.trouble = FetchError(gettext_noop("its host led to an address that was not checked"), permanent=True)
            return int(pycurl.SOCKET_BAD)
        return socket.socket(family, kind, protocol)

    def on_header(self, line: bytes) -> int:
        self.header_bytes += len(line)
        if self.header_bytes > MAX_HEADER_BYTES:
            self.trouble = FetchError(gettext_noop("its host sends headers without end"), permanent=True)
        elif match := _STATUS.match(line):
            self.status, self.headers = int(match[1]), {}
        elif line.strip():
            name, _, value = line.decode("utf-8", "replace").partition(":")
            self.headers.setdefault(name.strip().lower(), value.strip())
        elif not 100 <= self.status < 200:  # after an interim answer, such as 103 Early Hints, comes the real one
            self._judge()
        return 0 if self.trouble or self.location is not None else len(line)

    def on_body(self, data: bytes) -> int:
        self.raw += len(data)
        try:
            if not self.judged:  # what follows a 101 Switching Protocols that was not asked for
                raise FetchError(_MISBEHAVED)
            if self.raw > self.max_bytes:
                raise _too_large(self.max_bytes)
            self.held += data
            if self.is_begun or len(self.held) >= _TELLING:
                self._take()
        except Exception as error:  # noqa: BLE001 - raised again once libcurl is out of the way
            self.trouble = error
            return 0
        return 0 if self.needs_libcurl else len(data)

    def end(self) -> None:
        """All has come. Raises FetchError if it is not a whole file."""
        if self.needs_libcurl:
            return
        self._take()
        if self.unpacker is not None and not self.unpacker.eof:
            raise FetchError(_BROKE)
        if self.status == 206:
            match = _WHOLE.fullmatch(self.headers.get("content-range", f"bytes 0-{self.raw - 1}/{self.raw}").strip())
            if match is None or int(match[1]) + 1 != self.raw or match[2] not in ("*", str(self.raw)):
                raise FetchError(gettext_noop("its host sent a part of it only"))

    def _take(self) -> None:
        """Write what has come, unpacked if it is packed as the header says."""
        if not self.is_begun:
            self.is_begun = True
            encodings = {one.strip().lower() for one in self.headers.get("content-encoding", "").split(",")}
            # Some hosts name an encoding that they have not used.
            if not self.decodes and kind_of(self.held) not in PICTURES:
                self.needs_libcurl = bool(encodings & _OF_LIBCURL)
                self.unpacker = _unpacker(self.held, encodings)
        data, self.held = self.held, b""
        if self.needs_libcurl:
            return
        if self.unpacker is None:
            self._write(data)
        while data and self.unpacker is not None and not self.unpacker.eof:
            try:
                self._write(self.unpacker.decompress(data, _PIECE))
            except zlib.error as error:
                raise FetchError(_NOT_UNPACKED) from error
            data = self.unpacker.unconsumed_tail

    def _write(self, data: bytes) -> None:
        self.received += len(data)
        if self.received > self.max_bytes:
            raise _too_large(self.max_bytes)
        self.into.write(data)

    def _judge(self) -> None:
        self.judged = True
        if self.status in _REDIRECTS and self.headers.get("location"):
            self.location = self.headers["location"]
        elif self.status not in _BRING_FILES:
            # The big object stores tell an expired signature as 400, 401 or 403, not as 404.
            gone = 400 <= self.status < 500 and self.status not in (408, 425, 429)
            self.trouble = FetchError(gettext_noop("its host answered %(status)s") % {"status": self.status}, gone=gone)


# So many bytes tell a picture from what is packed.
_TELLING = 16
# Of what is unpacked at once: a small part of the cap.
_PIECE = 2**18


def _unpacker(start: bytes, encodings: set[str]) -> "zlib._Decompress | None":
    """For gzip, and for deflate with a header of zlib's and without; None for what is not packed in these ways."""
    if start.startswith(b"\x1f\x8b") and encodings & {"gzip", "x-gzip"}:
        return zlib.decompressobj(zlib.MAX_WBITS | 16)
    if "deflate" not in encodings:
        return None
    has_header = len(start) >= 2 and start[0] & 0x0F == 8 and int.from_bytes(start[:2]) % 31 == 0
    return zlib.decompressobj(zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS)


def _perform(
    exchange: _Exchange, address: Address, seconds: float, connect_seconds: float, stall_seconds: int, ca_file: str
) -> None:
    """Do one request. Raises FetchError, and what writing raises; a redirect is left in the exchange."""
    if seconds <= 0:
        raise FetchError(gettext_noop("it took too long"))
    curl = pycurl.Curl()
    options = {
        pycurl.URL: address.url,
        pycurl.PROTOCOLS: pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS,
        pycurl.FOLLOWLOCATION: 0,
        pycurl.PATH_AS_IS: 1,  # taking dots out of a path would break its signature
        pycurl.HTTP_VERSION: pycurl.CURL_HTTP_VERSION_1_1,  # one file gains nothing from more
        pycurl.HTTP09_ALLOWED: 0,
        pycurl.FORBID_REUSE: 1,
        pycurl.PROXY: "",
        pycurl.NETRC: pycurl.NETRC_IGNORED,
        pycurl.USERAGENT: "LemonStudio",
        pycurl.HTTPHEADER: [
            "Accept: image/png, image/jpeg, image/webp, */*;q=0.1",
            "Accept-Encoding: identity",
        ],
        pycurl.SSL_VERIFYPEER: 1,
        pycurl.SSL_VERIFYHOST: 2,
        pycurl.CAINFO: ca_file,
        pycurl.NOSIGNAL: 1,  # signals would reach the main thread, whichever thread fetches
        pycurl.TIMEOUT_MS: max(1, int(seconds * 1000)),  # 0 would be no limit
        pycurl.CONNECTTIMEOUT_MS: max(1, int(connect_seconds * 1000)),
        pycurl.LOW_SPEED_LIMIT: STALL_BYTES,
        pycurl.LOW_SPEED_TIME: stall_seconds,
        pycurl.MAXFILESIZE_LARGE: exchange.max_bytes,
        pycurl.OPENSOCKETFUNCTION: exchange.on_socket,
        pycurl.HEADERFUNCTION: exchange.on_header,
        pycurl.WRITEFUNCTION: exchange.on_body,
    }
    if exchange.decodes:
        options[pycurl.ACCEPT_ENCODING] = ""  # all that it knows; the header above stays as it is
    if address.literal is None:  # a name: libcurl finds it answered and looks nothing up
        options[pycurl.RESOLVE] = [f"{address.host}:{address.port}:{','.join(exchange.peers)}"]
    try:
        for option, value in options.items():
            curl.setopt(option, value)
        curl.perform()
    except pycurl.error as error:
        if exchange.trouble is None and exchange.location is None and not exchange.needs_libcurl:
            if error.args[0] == pycurl.E_FILESIZE_EXCEEDED:
                raise _too_large(exchange.max_bytes) from error
            message = _MESSAGES.get(error.args[0], _MISBEHAVED)
            raise FetchError(message) from error
    finally:
        curl.close()
    if exchange.trouble is not None:
        raise exchange.trouble
    if exchange.location is None:
        exchange.end()
    if exchange.location is None and exchange.received == 0 and not exchange.needs_libcurl:
        # Also an answer that ends within its headers, which libcurl does not mind.
        raise FetchError(gettext_noop("its host sent nothing"))


_NOT_UNPACKED = gettext_noop("its host sent it packed, and it cannot be unpacked")
_BROKE = gettext_noop("the connection broke before all of it had come")
_MISBEHAVED = gettext_noop("its host did not answer as a web server should")
_MESSAGES = {
    pycurl.E_BAD_CONTENT_ENCODING: _NOT_UNPACKED,
    pycurl.E_OPERATION_TIMEDOUT: gettext_noop("it took too long"),
    pycurl.E_COULDNT_CONNECT: gettext_noop("its host could not be reached"),
    pycurl.E_SSL_CONNECT_ERROR: gettext_noop("no secure connection to its host could be made"),
    pycurl.E_PEER_FAILED_VERIFICATION: gettext_noop("its host could not prove who it is"),
    **dict.fromkeys(
        (pycurl.E_PARTIAL_FILE, pycurl.E_RECV_ERROR, pycurl.E_SEND_ERROR, pycurl.E_GOT_NOTHING),
        _BROKE,
    ),
}


def _too_large(max_bytes: int) -> FetchError:
    return FetchError(
        gettext_noop("it is larger than %(size)s MiB") % {"size": f"{max_bytes / 2**20:.3g}"}, hopeless=True
    )
