"""One process at a time, on one machine or on several."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.db import connection

# Any number that no other program on the same database uses for an advisory lock.
_PREPARE = 0x1E30_0001


@contextmanager
def prepare_lock() -> Iterator[None]:
    """Wait for the other processes that bring the same database up to date."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [_PREPARE])
        try:
            yield
        finally:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_PREPARE])
        return
    # Processes that share a SQLite file share its folder.
    with (Path(settings.DATA_DIR) / "prepare.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
