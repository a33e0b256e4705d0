"""`manage.py studio`: the whole studio with one command, from the web server to the upstream that it brings along."""

import os
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from gallery.management.parts import SANDBOX_HOST, kind, sandbox_part, waits_for, web_part, worker_part
from gallery.management.schema import require_current_schema
from lemonstudio.processes.supervisor import Supervisor, address, answers, bindable, free_port


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
        parser.add_argument(
            "--web-only", action="store_true", help="without the background worker, which then runs elsewhere"
        )

    def handle(
        self, *args: Any, host: str, port: int, sandbox_port: int | None, web_only: bool, **options: Any
    ) -> None:
        require_current_schema()
        if problem := bindable(host, port):
            if not bindable(host, 0):  # then it is the port's fault, not the host's
                problem += f" Choose another port, for example with PORT={free_port(host, port + 1)}."
            self.stderr.write(problem)
            sys.exit(1)
        parts, env = [], {}
        if settings.SANDBOX and not web_only:
            sandbox_port = free_port(SANDBOX_HOST, sandbox_port or port + 1)
            env["LEMONSTUDIO_SANDBOX_URL"] = f"{address(SANDBOX_HOST, sandbox_port)}/v1"
            parts.append(sandbox_part(sandbox_port))
        parts.append(web_part(host, port, env))
        if not web_only:
            parts.append(worker_part(env))
        sys.exit(
            Supervisor(parts).run(
                when_up=lambda: answers(host, port),
                up=f"{kind()}\nLemon Studio is running at {address(host, port)} — Ctrl-C ends it",
                waits_for=None if web_only else waits_for,
            )
        )
