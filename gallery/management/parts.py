"""The parts of the studio's process tree, and what the commands that start them say."""

import hashlib
import hmac
import os
import sys

from django.conf import settings
from django.db import Error

from gallery import services
from lemonstudio.processes.supervisor import Part

SANDBOX_HOST = "127.0.0.1"


def web_part(host: str, port: int, env: dict[str, str]) -> Part:
    argv = [sys.executable, "-m", "gunicorn", "lemonstudio.wsgi:application"]
    argv += ["-c", str(settings.BASE_DIR / "lemonstudio" / "processes" / "gunicorn_conf.py")]
    return Part("web", argv, {**_importable(), **env, "HOST": host, "PORT": str(port)})


def worker_part(env: dict[str, str]) -> Part:
    argv = [sys.executable, "-m", "lemonstudio.cli", "manage", "cluster"]
    # More than a cluster's own limit for a stop, so that it is the one to cut off what takes too long.
    return Part("worker", argv, {**_importable(), **env}, grace=settings.LEMONSTUDIO_STOP_SECONDS + 10)


def sandbox_part(port: int) -> Part:
    # Derived, so that the addresses it signed stay good over a restart, and the key itself stays here.
    secret = hmac.new(settings.SECRET_KEY.encode(), b"lemonstudio sandbox", hashlib.sha256).hexdigest()
    argv = [sys.executable, "-m", "lemonstudio.processes.parent_watch"]
    argv += ["lemonstudio.sandbox", "--host", SANDBOX_HOST, "--port", str(port)]
    # The worker may be in the middle of a request until its end.
    return Part("sandbox", argv, {**_importable(), "LEMONSTUDIO_SANDBOX_SECRET": secret}, grace=5, last=True)


def _importable() -> dict[str, str]:
    """What lets a part find the studio's code from any folder: settings may name files below the present one."""
    known = os.environ.get("PYTHONPATH", "")
    return {"PYTHONPATH": os.pathsep.join(filter(None, (str(settings.BASE_DIR), known)))}


def kind() -> str:
    """Which kind of studio this is, for the person who starts it and may have meant another."""
    if settings.LOCAL:
        words = "A local studio, for this machine and without HTTPS"
    else:
        words = f"A studio in production, for {', '.join(settings.ALLOWED_HOSTS)}"
    return f"{words}; the sandbox stands in for an upstream." if settings.SANDBOX else f"{words}."


def waits_for() -> str:
    """What a stop of this machine's worker waits for, as a sentence; empty if that is nothing."""
    try:
        left = services.operations.on_their_way_from_here()
    except Error:
        return ""  # the database may stop at the same time
    if not left:
        return ""
    requests = "1 request" if left == 1 else f"{left} requests"
    return f"Finishing {requests}, up to {settings.LEMONSTUDIO_STOP_SECONDS} s; press Ctrl-C again to stop now"
