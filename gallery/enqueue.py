"""Messages to the background tasks. Sent inside a transaction, a message commits or rolls back with its row."""

from django_q.tasks import async_task

from lemonstudio.processes.broker import later


def enqueue_submit(generation_id: int) -> None:
    """Tell the workers that there is something to send."""
    async_task("gallery.tasks.submit", generation_id, save=False)


def enqueue_ingest(generation_id: int) -> None:
    """Have the delivered pictures of a generation brought home."""
    async_task("gallery.tasks.ingest", generation_id, save=False)


def enqueue_reread(generation_id: int) -> None:
    """Have the kept answers of a generation read again."""
    async_task("gallery.tasks.reread", generation_id, save=False)


def enqueue_pause_notice() -> None:
    """Have the administrators told that the account is paused."""
    async_task("gallery.tasks.pause_notice", save=False)


def enqueue_invitation(invitation_id: int, origin: str) -> None:
    """Have an invitation mailed; `origin` is the studio's own address, as its sender sees it."""
    async_task("gallery.tasks.invitation", invitation_id, origin, save=False)


def send_catalogue_lookup() -> None:
    """Have it looked up what the upstream offers."""
    async_task("gallery.tasks.look_up_catalogue", save=False)


def enqueue_thumbnails(picture_id: int) -> None:
    """Behind everything else: a picture without thumbnails is shown by its original."""
    async_task("gallery.tasks.thumbnails", picture_id, save=False, broker=later())


def send_search_refresh(person_id: int) -> None:
    """Have the pictures of somebody who was renamed found under the new name; behind everything else."""
    async_task("gallery.tasks.refresh_search", person_id, save=False, broker=later())


def enqueue_download(download_id: int) -> None:
    """Have a download worked on for a moment; behind everything else."""
    async_task("gallery.tasks.package", download_id, save=False, broker=later())
