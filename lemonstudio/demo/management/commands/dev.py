"""`manage.py dev`: the studio for those who work on it. Code, templates and CSS are those of the moment."""

import os
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from gallery.management.parts import SANDBOX_HOST, sandbox_part
from lemonstudio.processes.supervisor import Part, Supervisor, address, answers, bindable, free_port

RELOAD = [sys.executable, "-m", "lemonstudio.processes.reload"]
CODE = ("gallery", "lemonstudio")


class Command(BaseCommand):
    help = "Run Django's development server, the worker and the sandbox until Ctrl-C; each starts anew with its code."
    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default=os.environ.get("HOST", "127.0.0.1"), help="where to listen (HOST)")
        parser.add_argument("--port", type=int, default=os.environ.get("PORT", "8000"), help="on which port (PORT)")

    def handle(self, *args: Any, host: str, port: int, **options: Any) -> None:
        if not settings.DEBUG:
            raise CommandError("Set LEMONSTUDIO_DEBUG=1, or run `make dev`, which does.")
        if problem := bindable(host, port):
            raise CommandError(problem)
        # Code that changed should run soon, so what is on its way is cut off early.
        env, parts = {"LEMONSTUDIO_STOP_SECONDS": os.environ.get("LEMONSTUDIO_STOP_SECONDS", "10")}, []
        if settings.SANDBOX:
            sandbox_port = free_port(SANDBOX_HOST, int(os.environ.get("LEMONSTUDIO_SANDBOX_PORT", port + 1)))
            env["LEMONSTUDIO_SANDBOX_URL"] = f"{address(SANDBOX_HOST, sandbox_port)}/v1"
            parts.append(sandbox_part(sandbox_port))
        parts += [
            # It reloads by itself, templates included.
            part("web", env, "runserver", f"[{host}]:{port}" if ":" in host else f"{host}:{port}"),
            part("worker", env, "cluster", watch=[settings.BASE_DIR / name for name in CODE]),
        ]
        sys.exit(
            Supervisor(parts).run(
                when_up=lambda: answers(host, port),
                up=f"Lemon Studio is running for development at {address(host, port)} — Ctrl-C ends it",
            )
        )


def part(name: str, env: dict[str, str], *command: str, watch: list[Path] | None = None) -> Part:
    folders = [word for folder in watch or [] for word in ("--watch", str(folder))]
    argv = [*RELOAD, *folders, "--", sys.executable, str(settings.BASE_DIR / "manage.py"), *command]
    return Part(name, argv, env, cwd=settings.BASE_DIR, grace=20)
