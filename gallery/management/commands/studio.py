"""`manage.py studio`: the whole studio with one command, from the web server to the upstream that it brings along."""

import hashlib
import hmac
import os
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from gallery.management.commands.worker import waits_for, worker_part
from gallery.management.schema import require_current_schema
from lemonstudio.processes.supervisor import Part, Supervisor, address, answers, bindable, free_port

SANDBOX_HOST = "127.0.0.1"


class Command(BaseCommand):
    help = "Run the web server and the background worker until Ctrl-C, and start again what dies."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default=os.environ.get("HOST", "127.0.0.1"), help="where to listen (HOST)")
        parser.add_argument(
            "--port", type=int, default=os.environ.get("PORT", "8000"), help="on which port to listen (PORT)"
        )

        parser.add_argument(
            "--sandbox-port",
            type=int,
            default=os.environ.get("LEMONSTUDIO_SANDBOX_PORT"),
            help="wanted port of the upstream that stands in for a real one (LEMONSTUDIO_SANDBOX_PORT)",
        )

    def handle(self, *args: Any, host: str, port: int, sandbox_port: int | None, **options: Any) -> None:
        require_current_schema()
        if problem := bindable(host, port):
            if not bindable(host, 0):  # then it is the port's fault, not the host's
                problem += f" Choose another port, for example with PORT={free_port(host, port + 1)}."
            self.stderr.write(problem)
            sys.exit(1)
        parts, env = [], {}
        if settings.SANDBOX:
            sandbox_port = free_port(SANDBOX_HOST, sandbox_port or port + 1)
            env["LEMONSTUDIO_SANDBOX_URL"] = f"{address(SANDBOX_HOST, sandbox_port)}/v1"
            parts.append(sandbox_part(sandbox_port))
        parts += [web_part(host, port, env), worker_part(env)]
        sys.exit(
            Supervisor(parts).run(
                when_up=lambda: answers(host, port),
                up=f"Lemon Studio is running at {address(host, port)} — Ctrl-C ends it",
                waits_for=waits_for,
            )
        )


def web_part(host: str, port: int, env: dict[str, str]) -> Part:
    argv = [sys.executable, "-m", "gunicorn", "lemonstudio.wsgi:application"]
    argv += ["-c", str(settings.BASE_DIR / "lemonstudio" / "processes" / "gunicorn_conf.py")]
    return Part("web", argv, {**env, "HOST": host, "PORT": str(port)}, cwd=settings.BASE_DIR)


def sandbox_part(port: int) -> Part:
    # Derived, so that the addresses it signed stay good over a restart, and the key itself stays here.
    secret = hmac.new(settings.SECRET_KEY.encode(), b"lemonstudio sandbox", hashlib.sha256).hexdigest()
    argv = [sys.executable, "-m", "lemonstudio.processes.parent_watch"]
    argv += ["lemonstudio.sandbox", "--host", SANDBOX_HOST, "--port", str(port)]
    # The worker may be in the middle of a request until its end.
    env = {"LEMONSTUDIO_SANDBOX_SECRET": secret}
    return Part("sandbox", argv, env, cwd=settings.BASE_DIR, grace=5, last=True)
