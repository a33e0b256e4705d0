"""`manage.py worker`: background tasks alone, kept alive, for further machines beside the one with the web server."""

import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import Error

from gallery import services
from gallery.management.schema import require_current_schema
from lemonstudio.processes.supervisor import Part, Supervisor


def worker_part(env: dict[str, str] | None = None) -> Part:
    argv = [sys.executable, str(settings.BASE_DIR / "manage.py"), "cluster"]
    # More than a cluster's own limit for a stop, so that it is the one to cut off what takes too long.
    return Part("worker", argv, env or {}, grace=settings.LEMONSTUDIO_STOP_SECONDS + 10)


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


class Command(BaseCommand):
    help = "Run background tasks, and start them again if they die. Ctrl-C or SIGTERM ends them in good order."

    def handle(self, *args: Any, **options: Any) -> None:
        require_current_schema()
        sys.exit(Supervisor([worker_part()]).run(waits_for=waits_for))
