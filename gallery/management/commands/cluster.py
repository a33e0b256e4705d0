"""The background worker's processes, unsupervised: what `studio` and `worker` start and start again."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from lemonstudio.processes import parent_watch


class Command(BaseCommand):
    help = "Run background tasks in the foreground, without anyone who starts them again. See `worker`."

    def handle(self, *args: Any, **options: Any) -> None:
        parent_watch.watch_parent()
        # What every worker would load by itself, loaded once before they are forked, is in memory once.
        from gallery import tasks  # noqa: F401 loaded before the fork: shared memory, and a broken module shows at once
        from lemonstudio.processes.cluster import StudioCluster

        sys.exit(StudioCluster().run())
