"""`lemonstudio`, the command of the installed package. A checkout has manage.py and make instead."""

import http.client
import json
import os
import sys
from collections.abc import Sequence

from django.core.exceptions import ImproperlyConfigured

from lemonstudio import __version__, environment

USAGE = """\
lemonstudio run [--host HOST] [--port PORT]   prepare the database, then run web server and worker
lemonstudio web [--host HOST] [--port PORT]   prepare the database, then run the web server alone
lemonstudio worker [--with-sandbox]           run the worker alone
lemonstudio health [--web-only]               whether the web server here answers that all is well
lemonstudio manage COMMAND …                  any other command, such as check_ledger, backup or drain
lemonstudio version
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Return the exit status, or raise SystemExit as Django's commands do."""
    command, *rest = [*(sys.argv[1:] if arguments is None else arguments)] or ["help"]
    if command in ("version", "--version"):
        sys.stdout.write(f"{__version__}\n")
        return 0
    if command == "health":
        return _health(web_only="--web-only" in rest)
    if command not in ("run", "web", "worker", "manage"):
        known = command in ("help", "--help", "-h")
        (sys.stdout if known else sys.stderr).write(USAGE)
        return 0 if known else 2
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lemonstudio.settings")
    try:
        environment.choose_kind()
        _run(command, rest)
    except ImproperlyConfigured as problem:
        # A sentence for whom it concerns, without a traceback that hides it.
        sys.stderr.write(f"{problem}\n")
        return 1
    return 0


def _run(command: str, rest: Sequence[str]) -> None:
    from django.core.management import execute_from_command_line  # not before the environment is known

    if command in ("run", "web") and not {"-h", "--help"}.intersection(rest):
        execute_from_command_line(["lemonstudio", "prepare"])
    words = {"run": ["studio"], "web": ["studio", "--web-only"], "worker": ["worker"], "manage": []}[command]
    execute_from_command_line(["lemonstudio", *words, *rest])


def _health(*, web_only: bool) -> int:
    """Ask /healthz on this machine, as the health check of a container does. `web_only`: a worker may be missing."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(os.environ.get("HOST", ""), os.environ.get("HOST", "127.0.0.1"))  # noqa: S104 compared, not bound
    connection = http.client.HTTPConnection(host, int(os.environ.get("PORT", "8000")), timeout=4)
    try:
        connection.request("GET", "/healthz")
        parts = json.loads(connection.getresponse().read())
    except (OSError, ValueError, http.client.HTTPException) as problem:
        sys.stderr.write(f"The web server does not answer: {problem}\n")
        return 1
    needed = ("database", "schema") if web_only else ("database", "schema", "worker")
    sys.stdout.write(f"{json.dumps(parts)}\n")
    return 0 if all(parts.get(part) == "ok" for part in needed) else 1


if __name__ == "__main__":
    sys.exit(main())
