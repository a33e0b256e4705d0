"""The web server's settings: `gunicorn lemonstudio.wsgi -c lemonstudio/processes/gunicorn_conf.py`."""

import gc
import os
from pathlib import Path
from typing import Any

from lemonstudio.processes import parent_watch

_host = os.environ.get("HOST", "127.0.0.1")
bind = f"[{_host}]:{os.environ.get('PORT', '8000')}" if ":" in _host else f"{_host}:{os.environ.get('PORT', '8000')}"

# Requests wait for the database and for files, rarely for the processor: few processes, more threads.
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = int(os.environ.get("WEB_THREADS", "8"))
# The code is loaded once and shared, and the port opens only when it is: who can connect gets an answer.
preload_app = True

timeout = 60
graceful_timeout = 10
keepalive = 5
# A worker's heartbeat is a file; on a disk that is busy it can come late and cost the worker its life.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 gunicorn makes a private file there

# A client could otherwise say that the studio is below a path.
forwarder_headers = ""

accesslog = "-" if os.environ.get("WEB_ACCESS_LOG") else None
errorlog = "-"
loglevel = os.environ.get("WEB_LOG_LEVEL", "warning")
# A socket for commands in the home folder, which two studios on one machine would share.
control_socket_disable = True
proc_name = "lemonstudio-web"


# A page makes some ten thousand objects, and hardly any that refer to each other. With the usual 700, the collector
# would look for those a dozen times for each.
GC_THRESHOLDS = 10_000, 20, 20


def on_starting(server: Any) -> None:
    parent_watch.watch_parent()  # the workers inherit it with the fork


def when_ready(server: Any) -> None:
    """Load what the first requests would load, once for all workers."""
    from django.template import engines
    from django.urls import get_resolver

    _ = get_resolver().url_patterns  # imports the views
    engine: Any = engines["django"]
    for folder in map(Path, engine.engine.dirs):
        for template in sorted(folder.rglob("*.html")):
            engine.get_template(str(template.relative_to(folder)))
    # What exists now is never garbage; telling the collector so keeps the memory shared with the workers, and pages
    # are made sooner.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


def pre_fork(server: Any, worker: Any) -> None:
    from django.db import connections

    # A connection that was opened while loading must not be used by two processes.
    connections.close_all()
