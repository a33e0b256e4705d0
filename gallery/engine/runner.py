"""Starts this worker process's engine, and wakes it."""

import multiprocessing.util
import os
import resource
import threading

from django.conf import settings

from gallery import upstream
from gallery.engine import Engine, Timing
from gallery.enqueue import enqueue_ingest, enqueue_pause_notice
from lemonstudio.processes.cluster import stopping

POSTS_AT_ONCE = 1024
# Besides those: databases, polls, pictures being fetched, pipes.
OTHER_FILES = 512

_lock = threading.Lock()
_engine: Engine | None = None
_owner = 0


def ensure_running() -> Engine:
    """The running engine of this process, started if necessary; safe to call at any time."""
    global _engine, _owner
    with _lock:
        # A forked child inherits the variable but not the thread.
        if _engine is None or _owner != os.getpid() or _engine.stopped.is_set():
            _engine, _owner = make_engine(), os.getpid()
            threading.Thread(target=_engine.run, name="engine", daemon=True).start()
            # Runs when a multiprocessing child ends in good order, before its daemon threads are dropped.
            multiprocessing.util.Finalize(_engine, _engine.stop, exitpriority=10)
        return _engine


def make_engine() -> Engine:
    """An engine of the configured account, not started yet."""
    return Engine(
        upstream.Client(settings.LEMONDATA_BASE_URL, settings.LEMONDATA_API_KEY),
        requests_per_minute=settings.LEMONSTUDIO_REQUESTS_PER_MINUTE,
        posts_at_once=_room_for_posts(),
        enqueue_ingest=enqueue_ingest,
        timing=Timing(drain=settings.LEMONSTUDIO_STOP_SECONDS),
        asked_to_stop=stopping,
        tell_administrators=enqueue_pause_notice,
    )


def _room_for_posts() -> int:
    """How many requests may be on their way at once: each has its own connection, and needs a file descriptor.

    Many systems give a process 1,024 descriptors at first, and more if it asks.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = POSTS_AT_ONCE + OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        return max(1, min(POSTS_AT_ONCE, soft - OTHER_FILES))
    return POSTS_AT_ONCE
