"""Messages to the background tasks. A message that is sent in a transaction commits or rolls back with its row."""

from django.db import transaction
from django.utils.translation import get_language
from django_q.tasks import async_task

from lemonstudio.processes.bell import ring
from lemonstudio.processes.broker import later


def enqueue_submit(generation_id: int) -> None:
    """Tell the workers that there is something to send; on this machine, the engine hears it at once."""
    transaction.on_commit(lambda: ring("engine"), robust=True)
    async_task("gallery.tasks.submit", generation_id, save=False)


def enqueue_ingest(generation_id: int) -> None:
    """Ingest the delivered pictures of a generation."""
    async_task("gallery.tasks.ingest", generation_id, save=False)


def enqueue_reread(generation_id: int) -> None:
    """Have the kept answers of a generation read again."""
    async_task("gallery.tasks.reread", generation_id, save=False)


def enqueue_pause_notice() -> None:
    """Tell the administrators that the account is paused."""
    async_task("gallery.tasks.pause_notice", save=False)


def enqueue_alerts() -> None:
    """Tell administrators what is due."""
    async_task("gallery.tasks.deliver_alerts", save=False)


def enqueue_invitation(invitation_id: int, origin: str) -> None:
    """Mail an invitation in the language of the moment; `origin` is the studio's own address, as the sender sees it."""
    async_task("gallery.tasks.invitation", invitation_id, origin, get_language(), save=False)


def enqueue_password_reset(email: str, origin: str) -> None:
    """Mail a link to reset a password, if there is an account with this e-mail, in the language of the moment."""
    async_task("gallery.tasks.password_reset", email, origin, get_language(), save=False)


def enqueue_catalogue_sync() -> None:
    """Ask the upstream what it offers."""
    async_task("gallery.tasks.sync_catalogue", save=False)


def enqueue_media_check(check_id: int) -> None:
    """Work on a check of the media for a while; after everything else."""
    async_task("gallery.tasks.check_media", check_id, save=False, broker=later())


def enqueue_thumbnails(picture_id: int) -> None:
    """Make a picture's thumbnails, after everything else: until then, its original is shown."""
    async_task("gallery.tasks.thumbnails", picture_id, save=False, broker=later())


def enqueue_search_refresh(person_id: int) -> None:
    """Let a person who was renamed be found by the new name; after everything else."""
    async_task("gallery.tasks.refresh_search", person_id, save=False, broker=later())


def enqueue_forgetting(person_id: int) -> None:
    """Take what an erased person typed and uploaded out of their requests; after everything else."""
    async_task("gallery.tasks.forget", person_id, save=False, broker=later())


def enqueue_download(download_id: int) -> None:
    """Work on a download for a few seconds; after everything else."""
    async_task("gallery.tasks.build_download", download_id, save=False, broker=later())
