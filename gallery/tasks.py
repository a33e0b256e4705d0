"""What django-q2 runs: thin. Each task fetches its row, calls one collaborator, and is safe to run twice."""

from gallery import engine, housekeeping, lookup, mail
from gallery import mirror as mirrors
from gallery.dispatch import send_thumbnails
from gallery.models import Picture


def submit(generation_id: int) -> None:
    """Wake the courier; a worker whose courier is not there any more starts one.

    The courier finds the row by itself, so a lost message costs nothing but a moment.
    """
    engine.ensure_running().wake()


def mirror(generation_id: int) -> None:
    """Bring the pictures of a delivered generation home, and have their thumbnails made."""
    mirrors.mirror(generation_id)
    for picture in Picture.objects.filter(generation=generation_id, thumbnails={}).values_list("pk", flat=True):
        send_thumbnails(picture)


def thumbnails(picture_id: int) -> None:
    mirrors.make_thumbnails(picture_id)


def pause_notice() -> None:
    mail.tell_of_pause()


def look_up_catalogue() -> None:
    """For the administration's comparison. Run twice, it asks twice; asking costs nothing."""
    lookup.look_up()


def tidy_up() -> None:
    """Every few minutes: what fell through, and what can be learned from the past."""
    for picture in housekeeping.pictures_without_thumbnails():
        send_thumbnails(picture)
    housekeeping.learn_durations()
    housekeeping.delete_old_rows()
    housekeeping.check_ledger()
    housekeeping.delete_unused_uploads()
