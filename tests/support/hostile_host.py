"""A picture host that misbehaves on request. It uses a raw socket, so that it can send what no web server would.

The path selects the behaviour: see ROUTES and SCENES. It listens only on 127.0.0.1 or ::1.
"""

import gzip
import socket
import ssl
import struct
import threading
import time
import zlib
from collections.abc import Callable

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 16
# PICTURE, and 64 MiB of zeros.
BROTLI = bytes.fromhex(
    "1b0710e0af0ae2ad3e8e0c2c34572e3f35b06d636fb25a4b4163d8b6b5896a1db80d2895dd199c57721f75882a1c23e4bd320df1e5d174"
    "a96221781603649d7afe9dc01d5d03000011269471219536d6f910532eb5f531d73ef77d3f08c1088ae10449d10ccbf18228c98aaae986"
    "69d98eebf94118c5499ae54559d54ddbf5c338cdcbbaedc779ddcffbfd0008c1088ae10449d10ccbf18228c98aaae98669d98eebf94118"
    "c5499ae54559d54ddbf5c338cdcbbaedc779ddcffbfdfe00224c28e3422a6dacf3218a9334cb8bb2aa9bb6eb87719a9775db8ff3ba9ff7"
    "fb412c6a1e593d7b1f0d"
)
BROTLI_BOMB = bytes.fromhex(
    "cbffff3ff82700e2b14020f7fe8fffff7ff04f00c4611180eefd1fffffffe09f0088c30200ddfb3ffeffffc13f0110870500baf77ffcff"
    "ff837f02200e0b0074effff8ffff07ff04401c1600e8defff1ffff0ffe0980382c00d0bdffe3ffff1ffc1300715800a07bff37"
)
# Seconds after which an endless route stops if the client does not hang up.
PATIENCE = 5.0


def answer(body: bytes = PICTURE, *headers: str, status: str = "200 OK", length: int | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body) if length is None else length}", "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def redirect(location: str, status: str = "302 Found") -> bytes:
    return answer(b"<html>over there</html>", f"Location: {location}", status=status)


def chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


Ending = Callable[[socket.socket], None]


def drip(data: bytes, pause: float = 0.05) -> Ending:
    """Send the data one byte at a time, again and again, with `pause` seconds between the bytes."""

    def go_on(connection: socket.socket) -> None:
        ends = time.monotonic() + PATIENCE
        while time.monotonic() < ends:
            for byte in data:
                connection.sendall(bytes([byte]))
                time.sleep(pause)

    return go_on


def flood(data: bytes) -> Ending:
    def go_on(connection: socket.socket) -> None:
        ends = time.monotonic() + PATIENCE
        while time.monotonic() < ends:
            connection.sendall(data)

    return go_on


def sleep(connection: socket.socket) -> None:
    time.sleep(PATIENCE)


def reset(connection: socket.socket) -> None:
    """Close with RST instead of FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def redirect_late(connection: socket.socket) -> None:
    time.sleep(0.3)
    connection.sendall(redirect("/drip-body"))


PNG = "Content-Type: image/png"
TEN_ZEROS = gzip.compress(bytes(10 * 2**20))
CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\n"
ENDLESS = b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n"

# Complete answers. The connection is closed after each.
ROUTES: dict[str, bytes] = {
    "/good": answer(PICTURE, PNG),
    "/untyped": answer(PICTURE),
    "/octets": answer(PICTURE, "Content-Type: application/octet-stream"),
    "/parameters": answer(PICTURE, "Content-Type: IMAGE/PNG; charset=binary"),
    "/identity": answer(PICTURE, PNG, "Content-Encoding: identity"),
    "/without-length": ENDLESS + PICTURE,
    "/chunked": CHUNKED + chunk(PICTURE[:1000]) + chunk(PICTURE[1000:]) + b"0\r\n\r\n",
    "/trailers": CHUNKED + chunk(PICTURE) + b"0\r\nContent-Encoding: gzip\r\n\r\n",
    "/early-hints": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + answer(PICTURE, PNG),
    "/cookie": answer(b"", "Set-Cookie: me=1", "Location: /good", status="302 Found"),
    "/empty": answer(b"", PNG),
    **{
        f"/typed-{number}": answer(PICTURE, f"Content-Type: {kind}")
        for number, kind in enumerate(
            ("text/plain", "text/html", "application/json", "multipart/form-data", "nonsense")
        )
    },
    **{
        f"/encoded-{name}": answer(PICTURE, PNG, f"Content-Encoding: {name}")
        for name in ("aws-chunked", "none", "utf-8", "gzip", "br", "deflate")
    },
    "/created": answer(PICTURE, PNG, status="201 Created"),
    "/whole-range": answer(
        PICTURE, PNG, f"Content-Range: bytes 0-{len(PICTURE) - 1}/{len(PICTURE)}", status="206 Partial Content"
    ),
    "/a-part": answer(PICTURE, PNG, f"Content-Range: bytes 0-{len(PICTURE) - 1}/9999", status="206 Partial Content"),
    "/another-part": answer(PICTURE, PNG, "Content-Range: bytes 10-4113/4114", status="206 Partial Content"),
    "/really-gzip": answer(gzip.compress(PICTURE), PNG, "Content-Encoding: identity, gzip"),
    "/really-gzip-chunked": CHUNKED.replace(b"\r\n\r\n", b"\r\nContent-Encoding: x-gzip\r\n\r\n")
    + b"".join(chunk(bytes([one])) for one in gzip.compress(PICTURE))
    + b"0\r\n\r\n",
    "/really-deflate": answer(zlib.compress(PICTURE), PNG, "Content-Encoding: deflate"),
    "/bare-deflate": answer(zlib.compress(PICTURE)[2:-4], PNG, "Content-Encoding: deflate"),
    "/really-brotli": answer(BROTLI, PNG, "Content-Encoding: br"),
    "/brotli-bomb": answer(BROTLI_BOMB, PNG, "Content-Encoding: br"),
    "/gzip-cut": answer(gzip.compress(PICTURE)[:-20], PNG, "Content-Encoding: gzip"),
    "/gzip-broken": answer(gzip.compress(PICTURE)[:15] + bytes(50), PNG, "Content-Encoding: gzip"),
    "/brotli-broken": answer(b"\xff" * 50, PNG, "Content-Encoding: br"),
    "/gzip": answer(TEN_ZEROS, PNG, "Content-Encoding: gzip"),
    "/deflate-bomb": answer(zlib.compress(bytes(10 * 2**20)), PNG, "Content-Encoding: deflate"),
    "/transfer-gzip": answer(TEN_ZEROS, PNG, "Transfer-Encoding: gzip"),
    "/transfer-gzip-chunked": CHUNKED.replace(b"chunked", b"gzip, chunked") + chunk(TEN_ZEROS) + b"0\r\n\r\n",
    "/too-large-declared": answer(b"", PNG, length=10**12),
    "/too-short": answer(PICTURE, PNG, length=len(PICTURE) + 1),
    "/negative-length": answer(PICTURE, PNG, length=-1),
    "/two-lengths": answer(PICTURE, PNG, "Content-Length: 1"),
    "/chunked-cut": CHUNKED + chunk(PICTURE[:1000]),
    "/chunked-nonsense": CHUNKED + b"zz\r\n" + PICTURE,
    "/chunked-huge": CHUNKED + b"ffffffffffffffffff\r\n" + PICTURE,
    "/cut-in-headers": b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Le",
    "/silence": b"",
    "/old-http": PICTURE,
    "/other-protocol": b"220 smtp ready\r\n",
    "/status-nonsense": b"HTTP/1.1 abc\r\n\r\n" + PICTURE,
    "/partial": answer(PICTURE, PNG, status="206 Partial Content"),
    "/upgrade": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: tcp\r\n\r\n" + PICTURE,
    "/no-content": b"HTTP/1.1 204 No Content\r\n\r\n",
    "/not-modified": b"HTTP/1.1 304 Not Modified\r\n\r\n",
    "/redirect": redirect("/good"),
    "/redirect-301": redirect("good", "301 Moved Permanently"),
    "/redirect-303": redirect("/good#part", "303 See Other"),
    "/redirect-307": redirect("?", "307 Temporary Redirect"),
    "/redirect-308": redirect("/good", "308 Permanent Redirect"),
    "/redirect-3": redirect("/redirect-2"),
    "/redirect-2": redirect("/redirect-1"),
    "/redirect-1": redirect("/good"),
    "/redirect-4": redirect("/redirect-3"),
    "/redirect-loop": redirect("/redirect-loop"),
    "/redirect-nowhere": answer(b"", status="302 Found"),
    **{f"/status-{code}": answer(b"", status=f"{code} Status") for code in (400, 401, 403, 404, 408, 410, 425)},
    **{f"/status-{code}": answer(b"", status=f"{code} Status") for code in (418, 429, 500, 502, 503, 504)},
}

OK = b"HTTP/1.1 200 OK\r\n"
HINTS = b"HTTP/1.1 103 Early Hints\r\n\r\n"
# Answers that take time, or that do not end with a normal close: the first bytes, and the function that goes on.
SCENES: dict[str, tuple[bytes, Ending]] = {
    "/slow-start": (b"", sleep),
    "/drip-status": (b"", drip(b"HTTP/1.1 200 OK" + b" " * 1000)),
    "/drip-hints": (b"", drip(HINTS, pause=0.01)),
    "/drip-headers": (OK, drip(b"X-Pad: yes\r\n")),
    "/drip-body": (ENDLESS, drip(b"\x89PNG")),
    "/drip-length": (answer(b"", PNG, length=9999), drip(b".")),
    "/drip-chunks": (CHUNKED, drip(b"1\r\nx\r\n")),
    "/redirect-late": (b"", redirect_late),
    "/endless-hints": (b"", flood(HINTS * 100)),
    "/endless-headers": (OK, flood(b"X-Pad: " + b"y" * 1000 + b"\r\n")),
    "/endless-header": (OK + b"X-Pad: ", flood(b"y" * 2**16)),
    "/endless-body": (ENDLESS, flood(bytes(2**16))),
    "/endless-chunks": (CHUNKED, flood(chunk(bytes(2**16)))),
    "/reset": (answer(PICTURE, PNG, length=10**6), reset),
    "/reset-at-once": (b"", reset),
}


class HostileHost:
    """Serves ROUTES and SCENES on a free port while its context is open, and records the requests."""

    def __init__(self, address: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._listener = socket.create_server((address, 0), family=family, backlog=64)
        self._tls = tls
        self.port: int = self._listener.getsockname()[1]
        host = f"[{address}]" if ":" in address else address
        self.origin = f"{'https' if tls else 'http'}://{host}:{self.port}"
        self.routes = dict(ROUTES)
        self.requests: list[bytes] = []
        self.connections = 0

    def __enter__(self) -> "HostileHost":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        # close alone would not wake the thread that waits in accept; shutdown does.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        # The tests make clients hang up and refuse our certificate, so an OSError is normal here.
        try:
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with connection:
                request = b""
                while b"\r\n\r\n" not in request:
                    received = connection.recv(65536)
                    if not received:
                        return
                    request += received
                self.requests.append(request)
                path = request.split(b" ")[1].decode().partition("?")[0]
                if path in SCENES:
                    opening, go_on = SCENES[path]
                    connection.sendall(opening)
                    go_on(connection)
                else:
                    connection.sendall(self.routes.get(path, ROUTES["/status-404"]))
                    connection.shutdown(socket.SHUT_WR)
                    # Closing with unread bytes would turn the FIN into a reset.
                    connection.settimeout(0.5)
                    while connection.recv(65536):
                        pass
        except OSError:
            connection.close()
