"""The shipped files of nginx and Caddy, with the real servers in front of the real application."""

import contextlib
import os
import re
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings as studio
from django.core.handlers.wsgi import WSGIHandler
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.test import Client
from PIL import Image

from gallery.models import Picture
from gallery.web.pictures import original_url
from lemonstudio.processes.tree import free_port, soon
from tests.conftest import png
from tests.support import nginx

pytestmark = [
    pytest.mark.process,
    pytest.mark.filterwarnings("ignore:Unverified HTTPS request"),
]
DEPLOY = Path(studio.BASE_DIR) / "deploy"
HOST = "studio.example.org"


class Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Not in the output of the tests."""


@pytest.fixture
def application(settings: Any, tmp_path: Path) -> Iterator[int]:
    """The studio with the settings of deploy/env.example; its port."""
    settings.ALLOWED_HOSTS = [HOST, "localhost"]
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_HSTS_SECONDS = 3600
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.LEMONSTUDIO_ACCEL_PREFIX = "/protected-media/"
    server = ThreadedWSGIServer(("127.0.0.1", 0), Quiet)
    server.set_app(WSGIHandler())
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@dataclass
class Proxy:
    port: int
    host: str
    plain_port: int

    def get(self, path: str, **more: Any) -> requests.Response:
        return self._ask("GET", path, **more)

    def post(self, path: str, **more: Any) -> requests.Response:
        return self._ask("POST", path, **more)

    def _ask(self, method: str, path: str, headers: dict[str, str] | None = None, **more: Any) -> requests.Response:
        url = f"https://localhost:{self.port}{path}"
        more = {"timeout": 30, "allow_redirects": False, "verify": False, **more}
        return requests.request(method, url, headers={"Host": self.host, **(headers or {})}, **more)

    def socket(self) -> ssl.SSLSocket:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context.wrap_socket(socket.create_connection(("127.0.0.1", self.port), 10), server_hostname=self.host)


def certificate(folder: Path) -> tuple[Path, Path]:
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name.from_rfc4514_string(f"CN={HOST}")
    now = datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now - timedelta(1)).not_valid_after(now + timedelta(1))
    chain, private = folder / "fullchain.pem", folder / "privkey.pem"
    chain.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return chain, private


def put_in(text: str, **others: object) -> str:
    """The text with each thing replaced, all of which must be there."""
    for old, new in others.items():
        assert old in text, old
        text = text.replace(old, str(new))
    return text


def nginx_command(folder: Path, upstream: int, proxy: Proxy) -> list[str]:
    path = nginx.find()
    assert path, nginx.MISSING
    chain, private = certificate(folder)
    site = put_in(
        (DEPLOY / "nginx" / "lemonstudio.conf").read_text(),
        **{
            "listen 80;": f"listen 127.0.0.1:{proxy.plain_port};",
            "    listen [::]:80;\n": "",
            "listen 443 ssl": f"listen 127.0.0.1:{proxy.port} ssl",
            "    listen [::]:443 ssl http2;\n": "",
            f"/etc/letsencrypt/live/{HOST}/fullchain.pem": chain,
            f"/etc/letsencrypt/live/{HOST}/privkey.pem": private,
            "127.0.0.1:8000": f"127.0.0.1:{upstream}",
            "/var/lib/lemonstudio/media/": f"{folder / 'media'}/",
            "client_body_timeout 10s": "client_body_timeout 2s",
        },
    )
    (folder / "site.conf").write_text(site)
    places = "\n".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"""{"user root;" if os.geteuid() == 0 else ""} daemon off; worker_processes 1;
        pid {folder}/nginx.pid; error_log {folder}/error.log; events {{ }}
        http {{ access_log off; {places} include {folder}/site.conf; }}"""
    )
    return [path, "-c", str(folder / "nginx.conf"), "-p", str(folder), "-e", str(folder / "error.log")]


def caddy_command(folder: Path, upstream: int, proxy: Proxy) -> list[str]:
    proxy.host = "localhost"
    ports = f"{{\n\tadmin off\n\tskip_install_trust\n\thttp_port {proxy.plain_port}\n\thttps_port {proxy.port}\n"
    site = (DEPLOY / "caddy" / "Caddyfile").read_text().replace("\n{\n", f"\n{ports}", 1)
    (folder / "Caddyfile").write_text(site)
    given = {"STUDIO_HOST": "localhost", "STUDIO_UPSTREAM": f"127.0.0.1:{upstream}", "STUDIO_MEDIA": folder / "media"}
    given |= {"XDG_DATA_HOME": folder, "XDG_CONFIG_HOME": folder, "HOME": folder}
    caddy = Path(sys.executable).parent / "caddy"
    return ["env", *(f"{name}={value}" for name, value in given.items()), str(caddy), "run", "--config",
            str(folder / "Caddyfile"), "--adapter", "caddyfile"]  # fmt: skip


Command = Callable[[Path, int, Proxy], list[str]]


@contextlib.contextmanager
def running(command: Command, folder: Path, upstream: int) -> Iterator[Proxy]:
    proxy = Proxy(free_port(), HOST, free_port())
    with (folder / "proxy.log").open("wb") as log:
        process = subprocess.Popen(command(folder, upstream, proxy), stdout=log, stderr=log)

    def is_up() -> bool:
        assert process.poll() is None, (folder / "proxy.log").read_text()
        try:
            proxy.socket().close()
        except OSError:
            return False
        return True

    try:
        soon(is_up, 30)
        yield proxy
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture(params=[nginx_command, caddy_command], ids=["nginx", "caddy"])
def command(request: pytest.FixtureRequest) -> Command:
    chosen: Command = request.param
    return chosen


@pytest.fixture
def proxy(command: Command, tmp_path: Path, application: int) -> Iterator[Proxy]:
    with running(command, tmp_path, application) as proxy:
        yield proxy


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_pictures_uploads_and_pages_come_through(
    proxy: Proxy,
    as_owner: Client,
    as_teammate: Client,
    make_picture: Callable[..., Picture],
    tmp_path: Path,
) -> None:
    cookies = {"sessionid": as_owner.cookies["sessionid"].value}
    picture = make_picture()
    url = original_url(picture)

    # The picture, with the headers that the studio gave it.
    answer = proxy.get(url, cookies=cookies)
    assert (answer.status_code, answer.content) == (200, png())
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=3600")
    assert "X-Accel-Redirect" not in answer.headers
    kept = proxy.get(url, cookies=cookies, headers={"If-None-Match": answer.headers["ETag"]})
    assert (kept.status_code, kept.content) == (304, b"")
    part = proxy.get(url, cookies=cookies, headers={"Range": "bytes=0-7"})
    assert (part.status_code, part.content) == (206, png()[:8])
    download = proxy.get(f"/pictures/{picture.pk}/download/", cookies=cookies)
    assert picture.download_name in download.headers["Content-Disposition"]

    # Only to those who may see it, and by no other way.
    other = {"sessionid": as_teammate.cookies["sessionid"].value}
    assert proxy.get(url, cookies=other).status_code == 404
    assert proxy.get(f"/protected-media/{picture.original_name}", cookies=cookies).status_code == 404

    # An upload just below the studio's limit of 20 MB.
    form = proxy.get("/edit/", cookies=cookies)
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', form.text)
    assert found
    file = tmp_path / "large.png"
    Image.new("RGB", (2600, 2600)).save(file, compress_level=0)
    assert 20_000_000 < file.stat().st_size < 20 * 2**20
    sent = proxy.post(
        "/edit/",
        cookies={**cookies, "csrftoken": form.cookies["csrftoken"]},
        headers={"Referer": f"https://{proxy.host}/edit/"},
        data={"csrfmiddlewaretoken": found[1]},
        files={"picture": ("large.png", file.read_bytes())},
    )
    assert (sent.status_code, sent.headers["Location"][:6]) == (302, "/edit/"), sent.text[:500]
    page = proxy.get(sent.headers["Location"], cookies=cookies)
    assert page.status_code == 200

    # Plain HTTP leads to HTTPS.
    plain = requests.get(
        f"http://127.0.0.1:{proxy.plain_port}/login/", headers={"Host": proxy.host}, allow_redirects=False, timeout=10
    )
    assert plain.status_code in (301, 308)
    assert plain.headers["Location"].startswith(f"https://{proxy.host}")


def test_requests_that_are_not_whole_do_not_reach_the_studio(command: Command, tmp_path: Path) -> None:
    """Each of the studio's few threads waits for its client, so the proxy does the waiting."""
    with (
        socket.create_server(("127.0.0.1", 0)) as upstream,
        running(command, tmp_path, upstream.getsockname()[1]) as proxy,
        proxy.socket() as slow,
    ):
        head = f"POST /edit/ HTTP/1.1\r\nHost: {proxy.host}\r\nContent-Length: 1000\r\n\r\n"
        slow.sendall(head.encode() + b"a" * 999)
        # What is whole overtakes it.
        with proxy.socket() as quick:
            quick.sendall(f"GET /quick HTTP/1.1\r\nHost: {proxy.host}\r\n\r\n".encode())
            upstream.settimeout(10)
            first, _ = upstream.accept()
            assert first.recv(65536).startswith(b"GET /quick ")
            first.close()
        slow.sendall(b"b")
        second, _ = upstream.accept()
        second.settimeout(10)
        received = b""
        while not received.endswith(b"ab"):
            received += second.recv(65536)
        assert received.startswith(b"POST /edit/ ")
        second.close()
