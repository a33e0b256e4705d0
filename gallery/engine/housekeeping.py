"""Regular work that nothing else starts: lost messages, usual durations, rows and files that are not needed."""

import logging
import time
from datetime import timedelta
from statistics import quantiles

from django.contrib.sessions.models import Session
from django.core.files.storage import default_storage
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django_q.models import OrmQ, Task

from gallery.downloads.files import delete_files
from gallery.engine.media_check import look_at_newest
from gallery.images.edit import UPLOADS
from gallery.models import (
    Download,
    Generation,
    GuestAct,
    ImageModel,
    MediaCheck,
    ModelPace,
    Notice,
    PasswordTry,
    Picture,
    RawAnswer,
    State,
)
from gallery.models.activity import KEEP_NOTICES
from gallery.models.alert import Alert
from gallery.models.download import ARCHIVES
from gallery.models.kept_file import KEPT
from gallery.models.picture import KEEP_TRASH
from gallery.models.states import NOT_THE_MODELS_FAULT, UNDER_WAY
from gallery.queries.ledger import discrepancies
from gallery.services import sessions
from gallery.services.downloads import delete_download, remind
from gallery.services.share_links import HOUR
from gallery.services.sign_in import delete_old_tries

logger = logging.getLogger(__name__)

# How many of a model's latest generations its usual duration is learned from.
REMEMBERED = 100
# Among how many the latest with the same options are looked for, and how few are too few.
LEARNED = 1000
FEWEST = 3
KEEP_TASKS = timedelta(days=7)
KEEP_UPLOADS = timedelta(days=1)
# A slice of a check of the media takes less.
FORGOTTEN_AFTER = timedelta(minutes=10)
# How often the newest originals are looked for.
MEDIA_SECONDS = 3600.0
# So many pictures are deleted in one run; the next run goes on.
EMPTIED = 500
# The ledger of generations younger than this is checked: later, nothing changes by itself.
CHECKED = timedelta(days=2)


def pictures_without_thumbnails() -> list[int]:
    """Those that have waited long enough for their message to count as lost."""
    waited = timezone.now() - timedelta(minutes=2)
    if OrmQ.objects.count() > REMEMBERED:
        return []  # nothing is lost; there is just much to do
    return list(Picture.objects.filter(thumbnails={}, created_at__lt=waited).values_list("pk", flat=True)[:200])


def forgotten_media_checks() -> list[int]:
    """Checks of the media that are not through, and that no process works on."""
    before = timezone.now() - FORGOTTEN_AFTER
    return list(MediaCheck.objects.filter(finished_at=None, worked_at__lt=before).values_list("pk", flat=True))


def learn_durations() -> None:
    """For each model and each choice of options: the median and the 95th percentile of the seconds from sending to
    delivery. And for each model, the share of its latest requests that brought a picture.
    """
    for model in ImageModel.objects.of_upstream():
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
    """Of the latest that ended by themselves, without what was not the model's fault."""
    ended = Generation.objects.filter(model=model, state__in=(State.COMPLETED, State.FAILED, State.INTERRUPTED))
    judged = ended.exclude(error_code__in=NOT_THE_MODELS_FAULT)
    latest = list(judged.order_by("-finished_at").values_list("state", flat=True)[:REMEMBERED])
    return latest.count(State.COMPLETED) / len(latest) if len(latest) >= FEWEST else None


def delete_old_rows() -> None:
    """Old results of background tasks, wrong passwords, acts of guests, notices, raw answers, and ended sessions."""
    now = timezone.now()
    Task.objects.filter(stopped__lt=now - KEEP_TASKS).delete()
    PasswordTry.objects.filter(at__lt=now - timedelta(days=1)).delete()
    delete_old_tries()
    GuestAct.objects.filter(created_at__lt=now - HOUR).delete()
    Notice.objects.filter(created_at__lt=now - KEEP_NOTICES).delete()
    Session.objects.filter(expire_date__lt=timezone.now()).delete()
    sessions.delete_old()
    RawAnswer.objects.out_of_date(now).delete()
    Alert.delete_old(now)


def delete_unused_uploads() -> None:
    """Delete files of uploads/PERSON/ that no request needs, a day after they were uploaded.

    A request needs them while it is under way or in the feed, where it may be retried, and while it has pictures,
    whose page shows what they were made from.
    """
    try:
        folders = default_storage.listdir(UPLOADS)[0]
    except FileNotFoundError:
        return  # no person has uploaded anything yet
    for folder in filter(str.isdecimal, folders):
        names = [f"{UPLOADS}/{folder}/{name}" for name in default_storage.listdir(f"{UPLOADS}/{folder}")[1]]
        has_pictures = Exists(Picture.objects.filter(generation=OuterRef("pk")))
        needed = Q(state__in=UNDER_WAY) | Q(dismissed=False) | has_pictures
        edits = Generation.objects.filter(needed, author=int(folder)).exclude(source_file="")
        rows = edits.values_list("source_file", "mask_file", "reference_files")
        used = {name for source, mask, further in rows for name in (source, mask, *further)}
        for name in names:
            if name not in used and default_storage.get_modified_time(name) < timezone.now() - KEEP_UPLOADS:
                default_storage.delete(name)


def delete_stray_files() -> None:
    """After a day, the files of kept/ that no result names: the task that kept them ended before it could say so."""
    try:
        names = default_storage.listdir(KEPT)[1]
    except FileNotFoundError:
        return  # only pictures have come so far
    for name in names:
        generation = Generation.objects.filter(pk=int(name.partition("-")[0])).only("results").first()
        path = f"{KEPT}/{name}"
        is_named = generation is not None and path in {one.name for one in generation.kept_files}
        if not is_named and default_storage.get_modified_time(path) < timezone.now() - KEEP_UPLOADS:
            default_storage.delete(path)


def empty_trash() -> None:
    """Delete for good what has been in the trash for long enough."""
    before = timezone.now() - KEEP_TRASH
    for picture in Picture.objects.trashed_before(before).order_by("trashed_at")[:EMPTIED]:
        picture.delete_for_good(before)


def tidy_downloads() -> None:
    """Continue downloads that no worker builds; delete expired ones, and files that belong to no download."""
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


_media_looked_at: float | None = None


def look_at_media() -> None:
    """Soon after each start, and then once an hour in each process, whether the newest originals are there."""
    global _media_looked_at
    now = time.monotonic()
    if _media_looked_at is None or now - _media_looked_at > MEDIA_SECONDS:
        _media_looked_at = now
        look_at_newest()


def check_ledger() -> int:
    """Log where the ledger of recent generations does not add up; return how many such places there are."""
    found = 0
    for discrepancy in discrepancies(since=timezone.now() - CHECKED):
        found += 1
        logger.error("The ledger is wrong. %s", discrepancy)
    return found
