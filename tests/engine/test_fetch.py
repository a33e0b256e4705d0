"""Fetching from a hostile host. Nothing here sends a packet beyond 127.0.0.1 and ::1."""

import errno
import io
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pycurl
import pytest

from gallery.engine import fetch as module
from gallery.engine.fetch import FetchError, fetch, is_public, normalise_origin
from tests.support.hostile_host import PICTURE, HostileHost, redirect

DEADLINE = 0.6
# What a busy machine may add to a deadline.
LATENESS = 0.6


@pytest.fixture(scope="module")
def shared_host() -> Iterator[HostileHost]:
    with HostileHost() as host:
        yield host


@pytest.fixture
def host(shared_host: HostileHost) -> HostileHost:
    shared_host.requests.clear()
    shared_host.connections = 0
    return shared_host


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail the test if anything is looked up, or libcurl is as much as started."""

    def refuse(*arguments: object, **_: object) -> None:
        raise AssertionError(f"the network was asked for {arguments}")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(pycurl, "Curl", refuse)


def resolve_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    """Let every name have these addresses; return the list that look-ups are noted in."""
    asked: list[str] = []

    def getaddrinfo(name: str, port: int, **_: object) -> list[object]:
        asked.append(name)
        return [(0, 0, 0, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


def from_host(host: HostileHost, path: str, **options: object) -> tuple[bytes, module.FetchedInfo]:
    into = io.BytesIO()
    options = {"trusted_origins": {host.origin}, "deadline": 5.0, **options}
    info = fetch(host.origin + path, into, **options)  # type: ignore[arg-type]
    return into.getvalue(), info


def words(text: str) -> list[str]:
    return text.split()


def refusal(url: str, **options: object) -> FetchError:
    into = io.BytesIO()
    with pytest.raises(FetchError) as caught:
        fetch(url, into, **options)  # type: ignore[arg-type]
    return caught.value


# --- Addresses ---------------------------------------------------------------------------------------------

PRIVATE = words("""
    0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.100.100.200 100.127.255.255 127.0.0.1 127.255.255.254
    168.63.129.16 169.254.169.254 169.254.170.2 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.8 192.0.0.170
    192.0.0.192 192.0.2.1 192.88.99.1 192.168.0.1 192.168.255.255 198.18.0.1 198.19.255.255 198.51.100.1
    203.0.113.1 224.0.0.1 233.252.0.1 239.255.255.250 240.0.0.1 255.255.255.255
    :: ::1 ::2 ::127.0.0.1 ::7f00:1 ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:0:7f00:1 ::ffff:0:127.0.0.1
    ::ffff:169.254.169.254 ::ffff:8.8.8.8 0:0:0:0:0:ffff:7f00:0001 64:ff9b::127.0.0.1 64:ff9b::8.8.8.8
    64:ff9b:1::1 100::1 100:0:0:1::1 2001::1 2001:0:7f00:1:: 2001:2::1 2001:10::1 2001:20::1 2001:db8::1
    2001:1ff:ffff::1 2002:7f00:1:: 2002:c0a8:1:: 2002:808:808:: 3ffe::1 3fff::1 3fff:fff::1 4000::1 5f00::1
    fc00::1 fd00:ec2::254 fdff::1 fe80::1 fe80::a9fe:a9fe febf::1 fec0::1 feff::1 ff00::1 ff02::1 ff0e::1
""")

PUBLIC = words("""
    1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.1 100.63.255.255 100.128.0.1 126.255.255.255 128.0.0.1 168.63.129.15
    169.253.255.255 172.15.255.255 172.32.0.1 192.0.1.1 192.88.98.1 192.167.255.255 192.169.0.1 198.17.255.255
    198.20.0.1 203.0.112.1 223.255.255.255 2000::1 2001:200::1 2001:4860:4860::8888 2003::1 2606:4700::1111
    2a00:1450:4001:81b::200e 3ffd::1
""")

SPELLINGS = words("""
    http://2130706433/ http://0x7f000001/ http://0x7f.1/ http://0x7f.0x0.0x0.0x1/ http://017700000001/
    http://0177.0.0.1/ http://127.1/ http://127.0.1/ http://127.0.0.01/ http://127.000.000.001/ http://0/
    http://0x/ http://0x0/ http://00/ http://1/ http://4294967295/ http://8.8.8.8.8/ http://8.8.8/
    http://256.1.1.1/ http://127.0.0.1./ http://localhost./ http://foo.0x7f/ http://127.0.0.1.1/
    http://%31%32%37.0.0.1/ http://127%2e0.0.1/ http://１２７.0.0.1/ http://127。0。0。1/ http://ⓛocalhost/
    http://[fe80::1%25eth0]/ http://[fe80::1%eth0]/ http://[::1/ http://::1/ http://[127.0.0.1]/ http://[]/
    http://[::g]/ http://[v1.a]/ http://[::1]a/ http://[::ffff:127.1]/
    http://user@example.com/ http://user:secret@example.com/ http://@example.com/ http://example.com@127.0.0.1/
    http://example.com\\@127.0.0.1/ http://127.0.0.1\\.example.com/ http://example.com:80@127.0.0.1/
    http://127.0.0.1:80\\@example.com/ http://example.com:80:80/ http://example.com:/ http://example.com:0/
    http://example.com:65536/ http://example.com:080000/ http://example.com:+80/ http://example.com:٨٠/
    http:// http:/// http:///example.com/ http:/example.com/ http:example.com http:\\\\example.com/ //example.com/
    example.com/a.png http://.example.com/ http://example..com/ http://exa_mple.com:x/ http://пример.рф/
    ftp://example.com/ file:///etc/passwd file://localhost/etc/passwd gopher://127.0.0.1:6379/_INFO
    dict://127.0.0.1:11211/stats ldap://127.0.0.1/ data:image/png;base64,AAAA javascript:alert(1) ws://example.com/
    jar:http://example.com!/ httpss://example.com/ unix:///var/run/docker.sock
""")
SPELLINGS += [
    "",
    " http://example.com/",
    "http://example.com/\r\nX-Injected: yes",
    "http://example.com/\n",
    "http://example.com/\x00",
    "http://example.com\t/",
    "http://exam ple.com/",
    f"http://{'a' * 64}.com/",
    f"http://{'a.' * 130}com/",
    f"http://example.com/{'a' * 8192}",
]

PORTS = [
    "http://example.com:22/",
    "http://example.com:81/",
    "http://example.com:8080/",
    "https://example.com:8443/",
    "http://8.8.8.8:6379/",
    "https://[2606:4700::1111]:25/",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_public_is_refused_before_anything_is_opened(address: str, offline: None) -> None:
    host = f"[{address}]" if ":" in address else address
    assert not is_public(address)
    for scheme in ("http", "https"):
        error = refusal(f"{scheme}://{host}/a.png")
        assert error.permanent
        assert "not on the public internet" in str(error)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_accepted_up_to_the_borders_of_the_refused_networks(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("text", ["", "localhost", "127.1", "8.8.8", "0x8080808", "fe80::1%eth0", "2606:4700::1%1"])
def test_what_is_no_plain_ip_address_is_not_public(text: str) -> None:
    assert not is_public(text)


@pytest.mark.parametrize("url", SPELLINGS)
def test_a_tricky_spelling_is_refused_before_anything_is_looked_up(url: str, offline: None) -> None:
    assert refusal(url).permanent


@pytest.mark.parametrize("url", PORTS)
def test_only_the_ports_of_the_web_are_open(url: str, offline: None) -> None:
    error = refusal(url)
    assert error.permanent
    assert "not 80 or 443" in str(error)


def test_the_tables_are_as_long_as_they_should_be() -> None:
    refused = [*PRIVATE, *SPELLINGS, *PORTS]
    assert len(refused) == len(set(refused)) >= 80


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["2606:4700::1111", "10.0.0.1"], ["8.8.8.8", "::1"], ["fe80::1%2"]],
)
def test_a_name_is_refused_if_any_of_its_addresses_is(addresses: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    resolve_to(monkeypatch, *addresses)
    monkeypatch.setattr(pycurl, "Curl", lambda: pytest.fail("something was opened"))
    error = refusal("https://pictures.example/a.png")
    assert error.permanent
    assert "pictures.example" in str(error)


@pytest.mark.parametrize("url", ["http://localhost/", "https://LOCALHOST/", "http://localhost:443/"])
def test_localhost_is_refused_by_its_real_addresses(url: str) -> None:
    assert refusal(url).permanent


def test_a_name_that_does_not_exist_may_exist_later(monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    error = refusal("https://pictures.example/a.png")
    assert "could not be found" in str(error)
    assert not error.permanent


def test_a_look_up_that_hangs_ends_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    let_go = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: let_go.wait(5) and [])
    started = time.monotonic()
    error = refusal("https://pictures.example/a.png", deadline=0.3)
    let_go.set()
    assert 0.25 < time.monotonic() - started < 0.3 + LATENESS
    assert "in time" in str(error)
    assert not error.permanent


# --- The connection goes where the check looked -------------------------------------------------------------


def test_a_name_is_looked_up_once_and_connected_to_what_was_checked(
    host: HostileHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = resolve_to(monkeypatch, "127.0.0.1")
    origin = f"http://pictures.example:{host.port}"
    into = io.BytesIO()
    info = fetch(f"{origin}/good", into, trusted_origins={origin}, deadline=5)
    assert asked == ["pictures.example"]
    assert into.getvalue() == PICTURE
    assert info.final_url == f"{origin}/good"
    assert f"Host: pictures.example:{host.port}\r\n".encode() in host.requests[0]


def test_a_name_is_connected_to_over_ipv6_too(monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        host = HostileHost("::1")
    except OSError as error:
        if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
            raise
        pytest.skip("this machine has no IPv6")
    resolve_to(monkeypatch, "::1")
    with host:
        for origin in (host.origin, f"http://pictures.example:{host.port}"):
            into = io.BytesIO()
            fetch(f"{origin}/good", into, trusted_origins={origin}, deadline=5)
            assert into.getvalue() == PICTURE


def test_libcurl_is_stopped_if_it_wants_another_address_than_was_checked(
    host: HostileHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_peers", lambda *_: ["8.8.8.8"])
    error = refusal(f"{host.origin}/good", deadline=5)
    assert error.permanent
    assert "not checked" in str(error)
    assert host.connections == 0


@pytest.mark.parametrize(
    ("family", "target", "allowed"),
    [
        (socket.AF_INET, ("127.0.0.1", 80), True),
        (socket.AF_INET6, ("::1", 80, 0, 0), True),
        (socket.AF_INET6, ("0:0:0:0:0:0:0:1", 80, 0, 0), True),
        (socket.AF_INET, ("127.0.0.2", 80), False),
        (socket.AF_INET6, ("::ffff:127.0.0.1", 80, 0, 0), False),
        (socket.AF_UNIX, "/var/run/docker.sock", False),
    ],
)
def test_a_socket_is_opened_for_a_checked_address_only(family: int, target: object, allowed: bool) -> None:
    exchange = module._Exchange(io.BytesIO(), 1, ["127.0.0.1", "::1"])
    opened = exchange.on_socket(0, (family, socket.SOCK_STREAM, 0, target))  # type: ignore[arg-type]
    if isinstance(opened, socket.socket):
        opened.close()
    assert isinstance(opened, socket.socket) == allowed
    assert (exchange.trouble is None) == allowed


# --- Trusted origins ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("origin", "normal"),
    [
        ("http://Minio:9000", "http://minio:9000"),
        ("http://minio:9000/", "http://minio:9000"),
        ("HTTP://minio", "http://minio:80"),
        ("https://minio/", "https://minio:443"),
        ("http://minio:443", "http://minio:443"),
        ("http://[0:0::1]:80", "http://[::1]:80"),
        ("http://10.0.0.1", "http://10.0.0.1:80"),
    ],
)
def test_an_origin_is_normalised(origin: str, normal: str) -> None:
    assert normalise_origin(origin) == normal


@pytest.mark.parametrize(
    "origin", ["", "minio", "minio:9000", "http://", "http://a/b", "http://a/?", "http://a/#", "http://u@a", "*"]
)
def test_what_is_no_origin_can_not_be_trusted(origin: str) -> None:
    with pytest.raises(ValueError, match="not an origin"):
        fetch("http://example.com/", io.BytesIO(), trusted_origins={origin})


@pytest.mark.parametrize(
    "trusted",
    [
        "http://127.0.0.1",
        "http://127.0.0.1:{other}",
        "https://127.0.0.1:{port}",
        "http://localhost:{port}",
        "http://127.0.0.2:{port}",
    ],
)
def test_trust_is_for_exactly_one_scheme_host_and_port(trusted: str, host: HostileHost) -> None:
    origin = trusted.format(port=host.port, other=host.port ^ 1)
    assert refusal(f"{host.origin}/good", trusted_origins={origin}).permanent
    assert host.connections == 0


# --- Good answers -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("/good", "image/png"),
        ("/untyped", ""),
        ("/octets", "application/octet-stream"),
        ("/parameters", "image/png"),
        ("/identity", "image/png"),
        ("/without-length", "image/png"),
        ("/chunked", "image/png"),
        ("/trailers", "image/png"),
        ("/early-hints", "image/png"),
    ],
)
def test_a_good_answer_comes_whole(path: str, content_type: str, host: HostileHost) -> None:
    body, info = from_host(host, path)
    assert body == PICTURE
    assert info == module.FetchedInfo(content_type, len(PICTURE), host.origin + path)


@pytest.mark.parametrize(
    "path",
    [
        *(f"/typed-{number}" for number in range(5)),
        *(f"/encoded-{name}" for name in ("aws-chunked", "none", "utf-8", "gzip", "br", "deflate")),
        "/created",
        "/partial",
        "/whole-range",
    ],
)
def test_no_header_and_no_status_hides_a_whole_file(path: str, host: HostileHost) -> None:
    assert from_host(host, path)[0] == PICTURE
    assert len(host.requests) == 1


@pytest.mark.parametrize(
    ("path", "requests"),
    [
        ("/really-gzip", 1),
        ("/really-gzip-chunked", 1),
        ("/really-deflate", 1),
        ("/bare-deflate", 1),
        ("/really-brotli", 2),
    ],
)
def test_what_comes_packed_is_unpacked(path: str, requests: int, host: HostileHost) -> None:
    body, info = from_host(host, path)
    assert body == PICTURE
    assert info.byte_size == len(PICTURE)
    assert len(host.requests) == requests
    assert all(b"Accept-Encoding: identity\r\n" in request for request in host.requests)


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("/good#fragment", "/good"),
        ("/good?X-Signature=a%2Fb%3D&x=a+b,c;d", "/good?X-Signature=a%2Fb%3D&x=a+b,c;d"),
        ("/good?a/../b/./c", "/good?a/../b/./c"),
        ('/good?q=ä b"<>|^`{}\\', "/good?q=%C3%A4%20b%22%3C%3E%7C%5E%60%7B%7D%5C"),
        ("/good?\ud800", "/good??"),
    ],
)
def test_the_path_is_sent_as_it_was_written(path: str, sent: str, host: HostileHost) -> None:
    body, info = from_host(host, path)
    assert body == PICTURE
    assert host.requests[0].startswith(f"GET {sent} HTTP/1.1\r\n".encode())
    assert info.final_url == host.origin + sent


def test_nothing_of_ours_goes_along(host: HostileHost, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password secret\ndefault login me password secret\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://me:secret@127.0.0.1:9")
    body, _ = from_host(host, "/cookie")
    assert body == PICTURE
    assert len(host.requests) == 2
    for request in host.requests:
        names = {line.split(b":")[0].lower() for line in request.split(b"\r\n")[1:] if line}
        assert names == {b"host", b"user-agent", b"accept", b"accept-encoding"}
        assert b"Accept-Encoding: identity\r\n" in request
        assert b"secret" not in request


def test_it_writes_from_where_the_file_stands(host: HostileHost) -> None:
    into = io.BytesIO(b"before")
    into.seek(0, io.SEEK_END)
    fetch(f"{host.origin}/good", into, trusted_origins={host.origin})
    assert into.getvalue() == b"before" + PICTURE


def test_a_file_that_can_not_be_written_is_told_as_such(host: HostileHost) -> None:
    class FullDisk(io.BytesIO):
        def write(self, _: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left") as caught:
        fetch(f"{host.origin}/good", FullDisk(), trusted_origins={host.origin})
    assert caught.value.errno == errno.ENOSPC


def test_a_body_of_just_the_allowed_size_is_kept(host: HostileHost) -> None:
    assert from_host(host, "/good", max_bytes=len(PICTURE))[0] == PICTURE
    assert from_host(host, "/chunked", max_bytes=len(PICTURE))[0] == PICTURE


# --- Bad answers --------------------------------------------------------------------------------------------

BROKE, MISBEHAVED, NOTHING = "connection broke", "as a web server should", "sent nothing"
# Path, reason, permanent, gone.
BAD_ANSWERS: list[tuple[str, str, bool, bool]] = [
    ("/gzip", "larger than 1 MiB", True, False),
    ("/deflate-bomb", "larger than 1 MiB", True, False),
    ("/brotli-bomb", "larger than 1 MiB", True, False),
    ("/gzip-cut", BROKE, False, False),
    ("/gzip-broken", "cannot be unpacked", False, False),
    ("/brotli-broken", "cannot be unpacked", False, False),
    ("/a-part", "sent a part of it only", False, False),
    ("/another-part", "sent a part of it only", False, False),
    ("/transfer-gzip", "cannot be unpacked", False, False),
    ("/transfer-gzip-chunked", "cannot be unpacked", False, False),
    ("/too-large-declared", "larger than 1 MiB", True, False),
    ("/endless-body", "larger than 1 MiB", True, False),
    ("/endless-chunks", "larger than 1 MiB", True, False),
    ("/endless-headers", "headers without end", True, False),
    ("/endless-hints", "headers without end", True, False),
    ("/endless-header", MISBEHAVED, False, False),
    ("/too-short", BROKE, False, False),
    ("/reset", BROKE, False, False),
    ("/reset-at-once", BROKE, False, False),
    ("/silence", BROKE, False, False),
    ("/chunked-cut", BROKE, False, False),
    ("/chunked-nonsense", BROKE, False, False),
    ("/chunked-huge", BROKE, False, False),
    ("/negative-length", MISBEHAVED, False, False),
    ("/two-lengths", MISBEHAVED, False, False),
    ("/cut-in-headers", NOTHING, False, False),
    ("/empty", NOTHING, False, False),
    ("/old-http", MISBEHAVED, False, False),
    ("/other-protocol", MISBEHAVED, False, False),
    ("/status-nonsense", MISBEHAVED, False, False),
    ("/upgrade", MISBEHAVED, False, False),
    ("/no-content", "answered 204", False, False),
    ("/not-modified", "answered 304", False, False),
    *((f"/status-{code}", f"answered {code}", False, True) for code in (400, 401, 403, 404, 410, 418)),
    *((f"/status-{code}", f"answered {code}", False, False) for code in (408, 425, 429, 500, 502, 503, 504)),
    ("/redirect-nowhere", "answered 302", False, False),
    ("/redirect-loop", "too many times", True, False),
    ("/redirect-4", "too many times", True, False),
    ("/redirect-307", "too many times", True, False),
]


@pytest.mark.parametrize(("path", "reason", "permanent", "gone"), BAD_ANSWERS)
def test_a_bad_answer_is_told_in_words(path: str, reason: str, permanent: bool, gone: bool, host: HostileHost) -> None:
    error = refusal(f"{host.origin}{path}", trusted_origins={host.origin}, max_bytes=2**20, deadline=4)
    assert reason in str(error)
    assert (error.permanent, error.gone) == (permanent, gone)


@pytest.mark.parametrize(
    ("path", "cap"),
    [
        ("/endless-body", 10**6),
        ("/endless-chunks", 10**6),
        ("/good", len(PICTURE) - 1),
        ("/chunked", 1),
        ("/gzip", 10**6),
        ("/deflate-bomb", 10**6),
        ("/brotli-bomb", 10**6),
        ("/really-gzip", len(PICTURE) - 1),
    ],
)
def test_never_more_than_the_cap_is_written(path: str, cap: int, host: HostileHost) -> None:
    into = io.BytesIO()
    with pytest.raises(FetchError, match="larger than"):
        fetch(host.origin + path, into, trusted_origins={host.origin}, max_bytes=cap)
    assert len(into.getvalue()) <= cap


@pytest.mark.parametrize(
    "path",
    [
        "/slow-start",
        "/drip-status",
        "/drip-hints",
        "/drip-headers",
        "/drip-body",
        "/drip-length",
        "/drip-chunks",
        "/redirect-late",
    ],
)
def test_the_deadline_holds_however_slowly_it_drips(path: str, host: HostileHost) -> None:
    started = time.monotonic()
    error = refusal(f"{host.origin}{path}", trusted_origins={host.origin}, deadline=DEADLINE)
    assert DEADLINE - 0.05 < time.monotonic() - started < DEADLINE + LATENESS
    assert "too long" in str(error)
    assert not error.permanent


@pytest.mark.parametrize("path", ["/slow-start", "/drip-headers", "/drip-body", "/drip-length"])
def test_next_to_nothing_a_second_ends_before_the_deadline(path: str, host: HostileHost) -> None:
    started = time.monotonic()
    error = refusal(f"{host.origin}{path}", trusted_origins={host.origin}, deadline=60, stall_seconds=1)
    assert time.monotonic() - started < 4
    assert "too long" in str(error)
    assert not error.permanent


def test_a_host_that_does_not_listen_could_not_be_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
    error = refusal(f"{origin}/", trusted_origins={origin})
    assert "could not be reached" in str(error)
    assert not error.permanent


def test_a_deadline_that_has_passed_opens_nothing(host: HostileHost) -> None:
    assert "too long" in str(refusal(f"{host.origin}/good", trusted_origins={host.origin}, deadline=0))
    assert host.connections == 0


# --- Redirects ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/redirect", "/redirect-301", "/redirect-303", "/redirect-308", "/redirect-1", "/redirect-3"]
)
def test_up_to_three_redirects_are_followed(path: str, host: HostileHost) -> None:
    body, info = from_host(host, path)
    assert body == PICTURE
    assert info.final_url == f"{host.origin}/good"


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1/",
        "//127.0.0.1:1/good",
        "http://127.1/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/",
        "http://localhost/",
        "http://8.8.8.8:22/",
        "https://8.8.8.8:8443/",
        "http://user:secret@8.8.8.8/",
        "file:///etc/passwd",
        "FILE:/etc/passwd",
        "gopher://127.0.0.1:6379/_INFO",
        "ftp://127.0.0.1/",
        "data:image/png;base64,AAAA",
        "http://[::1",
        "http://[nonsense]/",
        "http://",
    ],
)
def test_a_redirect_is_checked_like_the_first_address(location: str, host: HostileHost) -> None:
    host.routes["/away"] = redirect(location)
    error = refusal(f"{host.origin}/away", trusted_origins={host.origin}, deadline=5)
    assert error.permanent
    assert "secret" not in str(error)


@pytest.mark.parametrize("location", ["///", "\\\\127.0.0.1/", "http:\\\\127.0.0.1/"])
def test_a_redirect_that_browsers_read_otherwise_stays_on_the_host(location: str, host: HostileHost) -> None:
    host.routes["/away"] = redirect(location)
    assert refusal(f"{host.origin}/away", trusted_origins={host.origin}, deadline=5).gone
    assert len(host.requests) == 2


def test_a_redirect_may_lead_to_another_trusted_origin(host: HostileHost) -> None:
    with HostileHost() as other:
        host.routes["/over"] = redirect(f"{other.origin}/good")
        body, info = from_host(host, "/over", trusted_origins={host.origin, other.origin})
    assert body == PICTURE
    assert info.final_url == f"{other.origin}/good"


# --- TLS ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a key and a certificate for pictures.example."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the openssl command to make a certificate")
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        [
            openssl,
            *words("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"),
            *words("-subj /CN=pictures.example -addext subjectAltName=DNS:pictures.example"),
            *words("-keyout key.pem -out certificate.pem"),
        ],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    both = folder / "both.pem"
    both.write_bytes((folder / "key.pem").read_bytes() + (folder / "certificate.pem").read_bytes())
    return both


@pytest.fixture
def secure_host(certificate: Path) -> Iterator[tuple[HostileHost, list[str | None]]]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    names: list[str | None] = []
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    with HostileHost(tls=context) as host:
        yield host, names


def test_a_certificate_is_checked_for_the_name_and_not_for_the_address(
    secure_host: tuple[HostileHost, list[str | None]], certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, names = secure_host
    resolve_to(monkeypatch, "127.0.0.1")
    right, wrong = f"https://pictures.example:{host.port}", f"https://other.example:{host.port}"
    trust = {"trusted_origins": {right, wrong, host.origin}, "deadline": 5}

    into = io.BytesIO()
    fetch(f"{right}/good", into, ca_file=str(certificate), **trust)  # type: ignore[arg-type]
    assert into.getvalue() == PICTURE
    assert names == ["pictures.example"]

    for origin, ca_file in ((right, None), (wrong, str(certificate)), (host.origin, str(certificate))):
        error = refusal(f"{origin}/good", ca_file=ca_file, **trust)
        assert "could not prove who it is" in str(error)
        assert not error.permanent
    assert len(host.requests) == 1


def test_a_redirect_from_https_to_http_is_refused(
    secure_host: tuple[HostileHost, list[str | None]],
    host: HostileHost,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    secure, _ = secure_host
    resolve_to(monkeypatch, "127.0.0.1")
    origin = f"https://pictures.example:{secure.port}"
    secure.routes["/down"] = redirect(f"{host.origin}/good")
    error = refusal(f"{origin}/down", trusted_origins={origin, host.origin}, ca_file=str(certificate), deadline=5)
    assert error.permanent
    assert "insecure" in str(error)
    assert host.connections == 0


def test_a_host_that_speaks_no_tls_gets_no_request(host: HostileHost) -> None:
    origin = f"https://127.0.0.1:{host.port}"
    error = refusal(f"{origin}/good", trusted_origins={origin}, deadline=0.5)
    assert not error.permanent
    assert host.requests == []
