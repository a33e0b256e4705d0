"""What nobody else comes by to do: work whose message was lost, learning from the past, rows of no more use."""

from datetime import timedelta
from statistics import quantiles

from django.contrib.sessions.models import Session
from django.utils import timezone
from django_q.models import OrmQ, Task

from gallery.models import Generation, ImageModel, Picture, State

# How many of a model's latest generations its usual duration is learned from.
REMEMBERED = 100
KEEP_TASKS = timedelta(days=7)


def pictures_without_thumbnails() -> list[int]:
    """Those that have waited long enough for their message to count as lost."""
    waited = timezone.now() - timedelta(minutes=2)
    if OrmQ.objects.count() > REMEMBERED:
        return []  # nothing is lost, there is just much to do
    return list(Picture.objects.filter(thumbnails={}, created_at__lt=waited).values_list("pk", flat=True)[:200])


def learn_durations() -> None:
    """Per model, the seconds from sending to delivery that half of the latest stayed below, and nearly all (95 %)."""
    for model in ImageModel.objects.all():
        latest = Generation.objects.filter(model=model, state=State.COMPLETED).order_by("-finished_at")
        seconds = [
            (delivered - submitted).total_seconds()
            for submitted, delivered in latest.values_list("submitted_at", "delivered_at")[:REMEMBERED]
            if submitted and delivered
        ]
        if len(seconds) >= 3:
            cuts = quantiles(seconds, n=20, method="inclusive")
            ImageModel.objects.filter(pk=model.pk).update(typical_seconds=cuts[9], slow_seconds=cuts[18])


def delete_old_rows() -> None:
    """Results of background tasks after a week, and sessions that have run out."""
    Task.objects.filter(stopped__lt=timezone.now() - KEEP_TASKS).delete()
    Session.objects.filter(expire_date__lt=timezone.now()).delete()
