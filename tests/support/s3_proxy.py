"""A proxy in front of a server that speaks S3, whose trouble tests switch on and off.

with S3Proxy("http://127.0.0.1:5000") as proxy:
    proxy.trouble = "slow_down"  # every request is answered with 503 SlowDown
    proxy.trouble = "cut"        # connections are closed after CUT bytes of an answer
    proxy.trouble = "delay"      # answers begin after `seconds`
    proxy.trouble = ""           # it is well again
"""

import contextlib
import socket
import threading
import time
from typing import Self
from urllib.parse import urlsplit

# So many bytes of each answer arrive: less than its first line, or http.client would take them for an answer.
CUT = 8
SLOW_DOWN = b"""<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>Reduce your rate.</Message></Error>"""
ANSWER = b"HTTP/1.1 503 Slow Down\r\nContent-Type: application/xml\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"


class S3Proxy:
    def __init__(self, server: str) -> None:
        address = urlsplit(server)
        self._server = (str(address.hostname), int(address.port or 80))
        self.seconds = 1.0
        # Of each request that has come: its method and path.
        self.requests: list[str] = []
        self._trouble = ""
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        self._hang_up()

    @property
    def trouble(self) -> str:
        return self._trouble

    @trouble.setter
    def trouble(self, trouble: str) -> None:
        self._trouble = trouble
        # Connections that are kept alive have the old one.
        self._hang_up()

    def _hang_up(self) -> None:
        with self._lock:
            some, self._open = self._open, set()
        for one in some:
            _close(one)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # closed
            with self._lock:
                self._open.add(client)
            threading.Thread(target=self._serve, args=(client, self._trouble), daemon=True).start()

    def _serve(self, client: socket.socket, trouble: str) -> None:
        with contextlib.suppress(OSError):
            first = client.recv(2**16)
            if not first:
                return
            self.requests.append(" ".join(first.split(b"\r\n", 1)[0].decode().split(" ")[:2]))
            if trouble == "slow_down":
                _drain(client)
                head = b"" if first.startswith(b"HEAD") else SLOW_DOWN
                client.sendall(ANSWER % len(SLOW_DOWN) + head)
                return
            if trouble == "delay":
                time.sleep(self.seconds)
            with socket.create_connection(self._server) as server:
                with self._lock:
                    self._open.add(server)
                server.sendall(first)
                threading.Thread(target=self._relay, args=(client, server), daemon=True).start()
                if trouble == "cut":
                    answer = server.recv(2**16)
                    if answer.startswith(b"HTTP/1.1 100"):
                        # botocore reads for ever if a connection ends in the middle of “100 Continue”.
                        client.sendall(answer)
                        answer = server.recv(2**16)
                    client.sendall(answer[:CUT])
                else:
                    _relay_all(server, client)
        _close(client)

    def _relay(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while some := client.recv(2**16):
                if some.split(b" ", 1)[0] in (b"GET", b"HEAD", b"PUT", b"POST", b"DELETE"):
                    self.requests.append(" ".join(some.split(b"\r\n", 1)[0].decode().split(" ")[:2]))
                server.sendall(some)
        _close(server)


def _relay_all(source: socket.socket, target: socket.socket) -> None:
    while some := source.recv(2**16):
        target.sendall(some)


def _drain(client: socket.socket) -> None:
    """Read what comes of a request's body, or the connection would be reset before the answer is read."""
    client.settimeout(0.05)
    with contextlib.suppress(TimeoutError):
        while client.recv(2**16):
            pass


def _close(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
