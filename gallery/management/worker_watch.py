"""Notices that no worker is alive. It runs beside the web server, because a worker that is gone cannot tell."""

import logging
import threading
import time

from django.db import Error, connection

from gallery.engine import alerts
from gallery.models import UpstreamAccount
from gallery.models.alert import Alert

logger = logging.getLogger(__name__)

LOOK_SECONDS = 15.0
# Longer than a restart and a change of the lease's holder.
GONE_SECONDS = 180.0


class WorkerWatch:
    """`look` is called every few seconds."""

    def __init__(self, gone_seconds: float = GONE_SECONDS) -> None:
        self._gone_seconds = gone_seconds
        self._seen_at = time.monotonic()
        self._is_told = False

    def look(self) -> bool:
        """Whether a worker is alive. The first look after it has been away for long tells administrators."""
        now = time.monotonic()
        if UpstreamAccount.is_held():
            self._seen_at, self._is_told = now, False
            return True
        if now - self._seen_at >= self._gone_seconds and not self._is_told:
            self._is_told = True
            logger.error("No worker is running")
            minutes = max(1, round((now - self._seen_at) / 60))
            text = f"No worker has been alive for {minutes} min. Nothing is sent, and no picture is fetched."
            # Several web servers notice it at the same time; one of them tells it.
            alerts.raise_alert(Alert.Kind.WORKER_GONE, f"{int(time.time() // 3600)}", "No worker is running", text)
            # No worker: so it is told from here.
            alerts.deliver()
        return False

    def start(self) -> None:
        threading.Thread(target=self._run, name="worker watch", daemon=True).start()

    def _run(self) -> None:
        while True:
            time.sleep(LOOK_SECONDS)
            try:
                self.look()
            except Error as problem:
                logger.debug("The watch waits for the database: %s", problem)
            finally:
                connection.close()
