"""Which addresses are fetched from, and that the connection goes where the check looked."""

import errno
import io
import socket
import threading
import time

import pycurl
import pytest

from gallery.engine import fetch as module
from gallery.engine.fetch import fetch
from gallery.engine.fetch_address import is_public, normalise_origin
from tests.engine.fetch_cases import LATENESS, refusal, resolve_to, words
from tests.support.hostile_host import PICTURE, HostileHost


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail the test if anything is looked up, or libcurl is as much as started."""

    def refuse(*arguments: object, **_: object) -> None:
        raise AssertionError(f"the network was asked for {arguments}")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(pycurl, "Curl", refuse)


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
    monkeypatch.setattr(module, "peers_of", lambda *_: ["8.8.8.8"])
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
