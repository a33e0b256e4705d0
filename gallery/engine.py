"""Starts this worker process's courier, and wakes it."""

import multiprocessing.util
import os
import threading

from django.conf import settings

from gallery import upstream
from gallery.courier import Courier
from gallery.dispatch import send_mirror, send_pause_notice
from lemonstudio.cluster import stopping

_lock = threading.Lock()
_courier: Courier | None = None
_owner = 0


def ensure_running() -> Courier:
    """The running courier of this process, started if need be; safe to call as often as one likes."""
    global _courier, _owner
    with _lock:
        # A forked child inherits the variable but not the thread.
        if _courier is None or _owner != os.getpid() or _courier.stopped.is_set():
            _courier, _owner = make_courier(), os.getpid()
            threading.Thread(target=_courier.run, name="courier", daemon=True).start()
            # Runs in a multiprocessing child that ends in good order, before its daemon threads are dropped.
            multiprocessing.util.Finalize(_courier, _courier.stop, exitpriority=10)
        return _courier


def make_courier() -> Courier:
    """A courier of the configured account that was not started."""
    return Courier(
        upstream.Client(settings.LEMONDATA_BASE_URL, settings.LEMONDATA_API_KEY),
        requests_per_minute=settings.LEMONSTUDIO_REQUESTS_PER_MINUTE,
        wake_mirror=send_mirror,
        asked_to_stop=stopping,
        tell_administrators=send_pause_notice,
    )
