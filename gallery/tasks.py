"""What django-q2 runs: thin. Each task fetches its row, calls one collaborator, and is safe to run twice."""

import functools
import logging
import multiprocessing
import time
from collections.abc import Callable

from django.conf import settings
from django.db import connection
from django.utils import translation

from gallery.downloads import build
from gallery.engine import (
    alerts,
    catalogue_sync,
    fetchers,
    housekeeping,
    mail,
    media_check,
    raw_answers,
    retention,
    runner,
)
from gallery.engine.errors import DATABASE_AWAY
from gallery.engine.ingest import ingest_results, make_thumbnails
from gallery.engine.results import Deliveries
from gallery.enqueue import enqueue_forgetting, enqueue_ingest, enqueue_media_check, enqueue_thumbnails
from gallery.images.concurrency import Busy
from gallery.models import Generation, Picture
from gallery.services import erasure, leavers
from lemonstudio.processes.cluster import stopping
from lemonstudio.storage import StorageError

logger = logging.getLogger(__name__)

# How long a task waits for a database that is away; less than the time-out of its message.
PATIENCE_SECONDS = 240.0


def patient(task: Callable[[int], None]) -> Callable[[int], None]:
    """Begin again if the database was away. Otherwise a delivery would wait minutes for its next message."""

    @functools.wraps(task)
    def run(pk: int) -> None:
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        is_said = False
        while True:
            try:
                return task(pk)
            except DATABASE_AWAY as problem:
                if stopping() or time.monotonic() >= give_up_at:
                    raise
                if not is_said:
                    logger.warning("A background task waits for the database: %s", problem)
                    is_said = True
            # An exception's garbage holds statements of this connection. If the engine's thread collected them while
            # this one waits for SQLite's lock again, the two would wait for each other.
            connection.close()
            time.sleep(1.0)

    return run


def submit(generation_id: int) -> None:
    """Wake the engine, and start one if this worker has none.

    The engine finds the row by itself, so a lost message costs only a moment.
    """
    runner.ensure_running().wake()


@patient
def ingest(generation_id: int) -> None:
    """Have the pictures of a delivered generation ingested by this worker's fetch threads.

    A process that is no worker has no time for that after the task, and ingests them in place.
    """
    if multiprocessing.parent_process() is None:
        ingest_now(generation_id)
    elif job := fetchers.job_of(generation_id):
        fetchers.of_this_process(ingest_now).add(job)


@patient
def ingest_now(generation_id: int) -> None:
    """Ingest the pictures of a delivered generation, and enqueue their thumbnails."""
    ingest_results(generation_id)
    for picture in Picture.objects.filter(generation=generation_id, thumbnails={}).values_list("pk", flat=True):
        enqueue_thumbnails(picture)


@patient
def reread(generation_id: int) -> None:
    """Run the present reader over the kept answers of a generation."""
    generation = Generation.objects.select_related("model").filter(pk=generation_id).first()
    if generation is not None:
        deliveries = Deliveries(enqueue_ingest, raw_answers.FETCH_BY.total_seconds())
        logger.info("%s %s", generation, raw_answers.reread(generation, deliveries))


@patient
def thumbnails(picture_id: int) -> None:
    try:
        make_thumbnails(picture_id)
    except Busy:
        enqueue_thumbnails(picture_id)
    except StorageError as problem:
        # Housekeeping sends another message.
        logger.warning("Thumbnails of picture %s wait for storage: %s", picture_id, problem.strerror)


@patient
def build_download(download_id: int) -> None:
    build.work(download_id)


@patient
def check_media(check_id: int) -> None:
    if media_check.work(check_id):
        enqueue_media_check(check_id)


def refresh_search(person_id: int) -> None:
    Picture.refresh_search_text_of(person_id)


@patient
def forget(person_id: int) -> None:
    if not erasure.go_on(person_id):
        enqueue_forgetting(person_id)


def pause_notice() -> None:
    mail.tell_of_pause()


def deliver_alerts() -> None:
    """Run twice, each alert is told by one of the two."""
    alerts.deliver()


def invitation(invitation_id: int, origin: str, language: str | None = None) -> None:
    """Without a language: from a queue of an earlier version. The same below."""
    with translation.override(language or settings.LANGUAGE_CODE):
        mail.send_invitation(invitation_id, origin)


def password_reset(email: str, origin: str, language: str | None = None) -> None:
    """Run twice, it mails twice; each link works until one of them is used."""
    with translation.override(language or settings.LANGUAGE_CODE):
        mail.send_password_reset(email, origin)


def sync_catalogue() -> None:
    """For the administration's comparison. Run twice, it asks twice, and asking costs nothing."""
    catalogue_sync.sync_catalogue()


def tidy_up() -> None:
    """Every few minutes: housekeeping."""
    for picture in housekeeping.pictures_without_thumbnails():
        enqueue_thumbnails(picture)
    leavers.cancel_for_those_switched_off()
    housekeeping.learn_durations()
    housekeeping.delete_old_rows()
    alerts.look_at_ledger(housekeeping.check_ledger())
    alerts.look_at_budgets()
    for person in erasure.unfinished():
        enqueue_forgetting(person)
    retention.keep_to_retention()
    for check in housekeeping.forgotten_media_checks():
        enqueue_media_check(check)
    try:
        housekeeping.delete_unused_uploads()
        housekeeping.delete_stray_files()
        housekeeping.empty_trash()
        housekeeping.tidy_downloads()
        housekeeping.look_at_media()
    except StorageError as problem:
        logger.warning("Housekeeping waits for storage: %s", problem.strerror)
    # Last: hosts of webhooks and mail may be slow.
    alerts.deliver()


# Messages from before these tasks were renamed may still be waiting.
mirror = ingest
package = build_download
look_up_catalogue = sync_catalogue
