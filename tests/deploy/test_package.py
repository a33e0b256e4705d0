"""The built package, installed where there is no checkout, is a whole studio."""

import os
import re
import signal
import subprocess
import sys
import sysconfig
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from lemonstudio import __version__
from lemonstudio.processes.tree import MARK, free_port, marked, signal_all, soon

pytestmark = [
    pytest.mark.process,
    pytest.mark.xdist_group("package"),
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks for processes in /proc"),
]
ROOT = Path(settings.BASE_DIR)


def run(*command: str | Path, **more: object) -> str:
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=120, check=False, **more)  # type: ignore[call-overload]
    assert done.returncode == 0, done.stdout + done.stderr
    return str(done.stdout)


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`lemonstudio` in a new virtual environment that sees the packages of this one, and nothing of the checkout."""
    folder = tmp_path_factory.mktemp("package")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=ROOT)
    (wheel,) = folder.glob("*.whl")
    venv = folder / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", venv)
    (packages,) = venv.glob("lib/python*/site-packages")
    (packages / "others.pth").write_text(sysconfig.get_path("purelib"))
    run(sys.executable, "-m", "pip", "--python", venv / "bin" / "python", "install", "--quiet", "--no-deps",
        "--no-index", "--disable-pip-version-check", wheel)  # fmt: skip
    return venv / "bin" / "lemonstudio"


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    mark = tmp_path.name
    yield {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PORT": str(free_port()), MARK: mark,
           "LEMONSTUDIO_DOTENV": "", "LEMONSTUDIO_WORKERS": "1", "WEB_CONCURRENCY": "1",
           "LEMONSTUDIO_SANDBOX_PORT": str(free_port()), "LEMONSTUDIO_STOP_SECONDS": "5"}  # fmt: skip
    signal_all(mark, signal.SIGKILL)


def test_installed_package_is_a_whole_studio(command: Path, tmp_path: Path, environment: dict[str, str]) -> None:
    here = {"cwd": tmp_path, "env": environment}
    assert run(command, "version", **here) == f"{__version__}\n"
    said = tmp_path / "said"
    with said.open("wb") as out:
        process = subprocess.Popen([command, "run"], stdin=subprocess.DEVNULL, stdout=out, stderr=out, **here)  # type: ignore[call-overload]
    soon(lambda: process.poll() is not None or b"is running at" in said.read_bytes(), 100)
    assert process.poll() is None, said.read_text()
    assert "A local studio, for this machine and without HTTPS; the sandbox stands in" in said.read_text()
    health = [command, "health"]
    soon(lambda: subprocess.run(health, capture_output=True, timeout=30, check=False, **here).returncode == 0, 60)  # type: ignore[call-overload]

    # Templates and static files are inside.
    url = f"http://127.0.0.1:{environment['PORT']}"
    page = urllib.request.urlopen(url, timeout=10).read().decode()
    assert "Lemon Studio" in page
    style = re.search(r'href="(/static/css/app\.[0-9a-f]{12}\.css)"', page)
    assert style, page
    assert urllib.request.urlopen(url + style[1], timeout=10).status == 200

    # A command from another folder finds the same studio.
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert run(command, "manage", "check_ledger", cwd=elsewhere, env=environment) == "The ledger adds up.\n"
    assert (tmp_path / ".local" / "share" / "lemonstudio" / "studio.sqlite3").exists()

    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    soon(lambda: not marked(environment[MARK]))


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"ALLOWED_HOSTS": "studio.example.org"}, "SECRET_KEY is not set."),
        ({"SECRET_KEY": "x" * 60}, "SECRET_KEY is too weak"),
        ({"LEMONSTUDIO_BEHIND_PROXY": "yes"}, "SECRET_KEY is not set."),
        ({"SECRET_KEY_FILE": "missing"}, "SECRET_KEY_FILE is missing, which cannot be read: No such file"),
    ],
)
def test_half_of_the_settings_of_production_start_nothing(
    command: Path, tmp_path: Path, environment: dict[str, str], given: dict[str, str], sentence: str
) -> None:
    done = subprocess.run(
        [command, "run"], cwd=tmp_path, env=environment | given, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith(sentence)
    assert not (tmp_path / ".local" / "share" / "lemonstudio" / "studio.sqlite3").exists()
