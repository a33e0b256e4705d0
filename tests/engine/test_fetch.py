"""Fetching from a hostile host. Nothing here sends a packet beyond 127.0.0.1 and ::1."""

import errno
import io
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gallery.engine import fetch as module
from gallery.engine.fetch import fetch
from gallery.engine.fetch_address import FetchError
from tests.engine.fetch_cases import LATENESS, refusal, resolve_to, words
from tests.support.hostile_host import PICTURE, HostileHost, redirect

DEADLINE = 0.6


def from_host(host: HostileHost, path: str, **options: object) -> tuple[bytes, module.FetchedInfo]:
    into = io.BytesIO()
    options = {"trusted_origins": {host.origin}, "deadline": 5.0, **options}
    info = fetch(host.origin + path, into, **options)  # type: ignore[arg-type]
    return into.getvalue(), info


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
