"""The nginx for the tests of deploy/nginx: the one that is installed, or else the system's package.

`python -m tests.support.nginx` gets one where there is none; `make` calls it before the tests, which only look.
"""

import os
import shutil
import subprocess
import sys

PACKAGES = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", "nginx-light"]
MISSING = "There is no nginx. Install the package nginx-light, or run `make an-nginx` as root."


def find() -> str | None:
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def find_or_get() -> str | None:
    if (found := find()) or os.geteuid() != 0 or not shutil.which("apt-get"):
        return found
    # No service that starts by itself.
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    for command in (["apt-get", "update", "--quiet"], PACKAGES):
        subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, timeout=300, check=False)
    return find()


if __name__ == "__main__":
    path = find_or_get()
    sys.stdout.write(f"nginx for the tests: {path}\n" if path else f"{MISSING}\n")
    sys.exit(0 if path else 1)
