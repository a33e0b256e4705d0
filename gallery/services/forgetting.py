"""Take out of requests what people typed and uploaded, and leave what they cost.

Each works on the next few of the given rows, in one short transaction, and returns how many there were; 0 means done.
A request that is under way is left alone.
"""

from django.db import transaction
from django.db.models import F, Q, QuerySet

from gallery.models import Batch, Generation, Picture, RawAnswer
from gallery.models.states import ENDED_IN_VAIN, UNDER_WAY

# Few, so that other writes do not wait long for SQLite.
AT_ONCE = 100


def forget_words(requests: QuerySet[Generation]) -> int:
    """Their prompts, also as the service rewrote them. What failed leaves the feed: it cannot be asked for again."""
    with transaction.atomic():
        rows = list(_ended(requests).exclude(prompt="").only("results", "state")[:AT_ONCE])
        pks = [row.pk for row in rows]
        for row in rows:
            row.results = [{**result, "revised_prompt": ""} for result in row.results]
        Generation.objects.bulk_update(rows, ["results"], batch_size=100)
        _change(pks, prompt="", fingerprint="")
        Batch.objects.filter(generations__in=pks).exclude(prompt="").update(prompt="")
        Picture.objects.filter(generation__in=pks).exclude(revised_prompt="").update(revised_prompt="")
        Picture.refresh_search_text(Picture.objects.filter(generation__in=pks).values_list("pk", flat=True))
    return len(rows)


def forget_files(requests: QuerySet[Generation]) -> int:
    """Which files went along. Housekeeping deletes those that no request names any more."""
    with transaction.atomic():
        pks = list(_ended(requests).exclude(source_file="").values_list("pk", flat=True)[:AT_ONCE])
        _change(pks, source_file="", mask_file="", reference_files=[])
    return len(pks)


def forget_failures(requests: QuerySet[Generation]) -> int:
    """All but model, state and costs, of what ended without a picture and from which none can come any more."""
    with transaction.atomic():
        in_vain = _ended(requests).filter(state__in=ENDED_IN_VAIN, results=[], due_at=None)
        to_do = in_vain.filter(Q(dismissed=False) | ~Q(prompt="") | ~Q(error_message=""))
        pks = list(to_do.values_list("pk", flat=True)[:AT_ONCE])
        _change(
            pks,
            prompt="",
            fingerprint="",
            options={},
            error_message="",
            error_hint="",
            error_details={},
            source_file="",
            mask_file="",
            reference_files=[],
        )
        RawAnswer.objects.filter(generation__in=pks).delete()
    return len(pks)


def _ended(requests: QuerySet[Generation]) -> QuerySet[Generation]:
    """Locked, so that none of them moves meanwhile. Of an upload, the text is its file's name."""
    ended = requests.exclude(state__in=UNDER_WAY).exclude(kind=Generation.Kind.UPLOAD)
    return ended.select_for_update(of=("self",)).order_by("pk")


def _change(pks: list[int], **changes: object) -> None:
    rows = Generation.objects.filter(pk__in=pks)
    rows.update(version=F("version") + 1, **changes)
    # To ask for one of these again would send it without what it needs.
    rows.filter(state__in=ENDED_IN_VAIN).update(dismissed=True)
