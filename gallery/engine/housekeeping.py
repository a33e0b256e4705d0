"""What nobody else comes by to do: work whose message was lost, learning from the past, rows of no more use."""

import logging
from datetime import timedelta
from statistics import quantiles

from django.contrib.sessions.models import Session
from django.core.files.storage import default_storage
from django.utils import timezone
from django_q.models import OrmQ, Task

from gallery.downloads.files import delete_files
from gallery.images.edit import UPLOADS
from gallery.models import Download, Generation, ImageModel, ModelPace, Notice, PasswordTry, Picture, State
from gallery.models.activity import KEEP_NOTICES
from gallery.models.download import ARCHIVES
from gallery.models.picture import KEEP_TRASH
from gallery.models.states import EDIT_HELPS
from gallery.queries.ledger import discrepancies
from gallery.services.downloads import delete_download, remind
from gallery.services.sign_in import delete_old_tries

logger = logging.getLogger(__name__)

# How many of a model's latest generations its usual duration is learned from.
REMEMBERED = 100
# IdIn how many the latest with the same options are looked for, and how few say nothing.
LEARNED = 1000
FEWEST = 3
KEEP_TASKS = timedelta(days=7)
KEEP_UPLOADS = timedelta(days=1)
# So many pictures are deleted in one go; the next goes on.
EMPTIED = 500
# Of which generations the ledger is looked at: what can change by itself has happened by then.
CHECKED = timedelta(days=2)


def pictures_without_thumbnails() -> list[int]:
    """Those that have waited long enough for their message to count as lost."""
    waited = timezone.now() - timedelta(minutes=2)
    if OrmQ.objects.count() > REMEMBERED:
        return []  # nothing is lost, there is just much to do
    return list(Picture.objects.filter(thumbnails={}, created_at__lt=waited).values_list("pk", flat=True)[:200])


def learn_durations() -> None:
    """Of each model's latest, and with each choice of options: the seconds from sending to delivery that half of them
    stayed below, and nearly all (95 %). And how many of the latest brought a picture.
    """
    for model in ImageModel.objects.all():
        seconds: list[float] = []
        by_options: dict[str, list[float]] = {}
        completed = Generation.objects.filter(model=model, state=State.COMPLETED).order_by("-finished_at")
        for key, submitted, delivered in completed.values_list("options_key", "submitted_at", "delivered_at")[:LEARNED]:
            if submitted and delivered:
                seconds.append((delivered - submitted).total_seconds())
                by_options.setdefault(key, []).append(seconds[-1])
        changes: dict[str, float | None] = {"success_rate": _success_rate(model)}
        if pace := _pace(seconds[:REMEMBERED]):
            changes |= {"typical_seconds": pace[0], "slow_seconds": pace[1]}
        ImageModel.objects.filter(pk=model.pk).update(**changes)
        for key, some in by_options.items():
            if pace := _pace(some[:REMEMBERED]):
                learned = {"typical_seconds": pace[0], "slow_seconds": pace[1], "learned_from": len(some)}
                ModelPace.objects.update_or_create(model=model, options_key=key, defaults=learned)


def _pace(seconds: list[float]) -> tuple[float, float] | None:
    if len(seconds) < FEWEST:
        return None
    cuts = quantiles(seconds, n=20, method="inclusive")
    return cuts[9], cuts[18]


def _success_rate(model: ImageModel) -> float | None:
    """Of the latest that ended by themselves. What a person can mend by other words says nothing of the model."""
    ended = Generation.objects.filter(model=model, state__in=(State.COMPLETED, State.FAILED, State.INTERRUPTED))
    latest = list(
        ended.exclude(error_code__in=EDIT_HELPS).order_by("-finished_at").values_list("state", flat=True)[:REMEMBERED]
    )
    return latest.count(State.COMPLETED) / len(latest) if len(latest) >= FEWEST else None


def delete_old_rows() -> None:
    """Old results of background tasks, wrong passwords and notices, and sessions that have run out."""
    now = timezone.now()
    Task.objects.filter(stopped__lt=now - KEEP_TASKS).delete()
    PasswordTry.objects.filter(at__lt=now - timedelta(days=1)).delete()
    delete_old_tries()
    Notice.objects.filter(created_at__lt=now - KEEP_NOTICES).delete()
    Session.objects.filter(expire_date__lt=timezone.now()).delete()


def delete_unused_uploads() -> None:
    """After a day, the files of uploads/PERSON/ that no request goes with: what was uploaded and then left."""
    try:
        folders = default_storage.listdir(UPLOADS)[0]
    except FileNotFoundError:
        return  # nobody has uploaded anything yet
    for folder in filter(str.isdecimal, folders):
        names = [f"{UPLOADS}/{folder}/{name}" for name in default_storage.listdir(f"{UPLOADS}/{folder}")[1]]
        edits = Generation.objects.filter(author=int(folder)).exclude(source_file="")
        used = {name for row in edits.values_list("source_file", "mask_file") for name in row}
        for name in names:
            if name not in used and default_storage.get_modified_time(name) < timezone.now() - KEEP_UPLOADS:
                default_storage.delete(name)


def empty_trash() -> None:
    """Delete for good what has been in the trash for long enough."""
    before = timezone.now() - KEEP_TRASH
    for picture in Picture.objects.trashed_before(before).order_by("trashed_at")[:EMPTIED]:
        picture.delete_for_good(before)


def tidy_downloads() -> None:
    """Send for those that nobody works on; delete those that have expired, and files that belong to none."""
    for download in Download.objects.forgotten():
        remind(download)
    for download in Download.objects.expired():
        delete_download(download)
    try:
        folders = default_storage.listdir(ARCHIVES)[0]
    except FileNotFoundError:
        return
    there = {str(pk) for pk in Download.objects.values_list("pk", flat=True)}
    for folder in folders:
        if folder not in there:
            delete_files(f"{ARCHIVES}/{folder}")


def check_ledger() -> int:
    """Tell the log where the ledger does not add up, of what was asked for lately; return in how many places."""
    found = 0
    for discrepancy in discrepancies(since=timezone.now() - CHECKED):
        found += 1
        logger.error("The ledger is wrong. %s", discrepancy)
    return found
