"""The pictures of a download."""

from collections.abc import Sequence

from gallery.models import Gallery, GalleryEntry
from gallery.models.picture import PictureQuerySet


def contents(visible: PictureQuerySet, gallery: Gallery | None, chosen: Sequence[int] = ()) -> list[int]:
    """The ids of the pictures of a download, in the gallery's order by hand, or the newest first."""
    if gallery is None:
        return list(visible.filter(pk__in=chosen).order_by("-pk").values_list("pk", flat=True))
    entries = GalleryEntry.objects.filter(gallery=gallery, picture__trashed_at=None)
    return list(entries.order_by("-position", "-picture").values_list("picture", flat=True))
