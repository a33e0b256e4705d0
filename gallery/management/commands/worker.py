"""`manage.py worker`: background tasks alone, kept alive, for further machines beside the one with the web server."""

import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from gallery.management.schema import require_current_schema
from lemonstudio.processes.supervisor import Part, Supervisor


def worker_part(env: dict[str, str] | None = None) -> Part:
    # More than a cluster's own limit for a stop, so that it is the one to cut off what takes too long.
    return Part("worker", [sys.executable, str(settings.BASE_DIR / "manage.py"), "cluster"], env or {}, grace=20)


class Command(BaseCommand):
    help = "Run background tasks, and start them again if they die. Ctrl-C or SIGTERM ends them in good order."

    def handle(self, *args: Any, **options: Any) -> None:
        require_current_schema()
        sys.exit(Supervisor([worker_part()]).run())
