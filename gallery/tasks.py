"""What django-q2 runs: thin. Each task fetches its row, calls one collaborator, and is safe to run twice."""

import functools
import logging
import time
from collections.abc import Callable

from django.db import InterfaceError, OperationalError, connection

from gallery.downloads import build
from gallery.engine import catalogue_sync, housekeeping, mail, runner
from gallery.engine.ingest import ingest_results, make_thumbnails
from gallery.enqueue import enqueue_thumbnails
from gallery.models import Picture
from lemonstudio.processes.cluster import stopping

logger = logging.getLogger(__name__)

# How long a task waits for a database that is away; less than the time-out of its message.
PATIENCE_SECONDS = 240.0


def patient(task: Callable[[int], None]) -> Callable[[int], None]:
    """Begin again when the database was away: a delivery whose task fails with it waits for minutes until another."""

    @functools.wraps(task)
    def run(pk: int) -> None:
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        is_said = False
        while True:
            try:
                return task(pk)
            except (OperationalError, InterfaceError) as problem:
                if stopping() or time.monotonic() >= give_up_at:
                    raise
                if not is_said:
                    logger.warning("A background task waits for the database: %s", problem)
                    is_said = True
            # The garbage that an exception leaves has statements of this connection. If the engine's thread happens
            # to collect them while this one waits for SQLite's lock again, the two wait for each other.
            connection.close()
            time.sleep(1.0)

    return run


def submit(generation_id: int) -> None:
    """Wake the engine; a worker whose engine is not there any more starts one.

    The engine finds the row by itself, so a lost message costs nothing but a moment.
    """
    runner.ensure_running().wake()


@patient
def ingest(generation_id: int) -> None:
    """Bring the pictures of a delivered generation home, and have their thumbnails made."""
    ingest_results(generation_id)
    for picture in Picture.objects.filter(generation=generation_id, thumbnails={}).values_list("pk", flat=True):
        enqueue_thumbnails(picture)


@patient
def thumbnails(picture_id: int) -> None:
    make_thumbnails(picture_id)


@patient
def build_download(download_id: int) -> None:
    build.work(download_id)


def refresh_search(person_id: int) -> None:
    Picture.refresh_search_text_of(person_id)


def pause_notice() -> None:
    mail.tell_of_pause()


def invitation(invitation_id: int, origin: str) -> None:
    mail.send_invitation(invitation_id, origin)


def look_up_catalogue() -> None:
    """For the administration's comparison. Run twice, it asks twice; asking costs nothing."""
    catalogue_sync.look_up()


def tidy_up() -> None:
    """Every few minutes: what fell through, and what can be learned from the past."""
    for picture in housekeeping.pictures_without_thumbnails():
        enqueue_thumbnails(picture)
    housekeeping.learn_durations()
    housekeeping.delete_old_rows()
    housekeeping.check_ledger()
    housekeeping.delete_unused_uploads()
    housekeeping.delete_stray_files()
    housekeeping.empty_trash()
    housekeeping.tidy_downloads()


# Messages that were sent before these tasks were renamed still wait under their old names.
mirror = ingest
package = build_download
