"""`manage.py worker`: background tasks alone, kept alive, for further machines beside the one with the web server."""

import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from gallery.management.parts import SANDBOX_HOST, sandbox_part, waits_for, worker_part
from gallery.management.schema import require_current_schema
from lemonstudio.processes.supervisor import Supervisor, address, free_port

SANDBOX_PORT = 8001


class Command(BaseCommand):
    help = "Run background tasks, and start them again if they die. Ctrl-C or SIGTERM ends them in good order."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--with-sandbox",
            action="store_true",
            help="if no upstream is set, run the sandbox here as well; for one worker only",
        )

    def handle(self, *args: Any, with_sandbox: bool, **options: Any) -> None:
        require_current_schema()
        parts, env = [], {}
        if settings.SANDBOX and with_sandbox:
            port = free_port(SANDBOX_HOST, SANDBOX_PORT)
            env["LEMONSTUDIO_SANDBOX_URL"] = f"{address(SANDBOX_HOST, port)}/v1"
            parts.append(sandbox_part(port))
        sys.exit(Supervisor([*parts, worker_part(env)]).run(waits_for=waits_for))
