"""Packages of pictures: asked for, asked for again, thrown away."""

import contextlib
import hashlib
import json
from collections.abc import Sequence

from django.core.files.storage import default_storage
from django.db import transaction

from gallery.enqueue import send_package
from gallery.images.convert import Shape
from gallery.models import Gallery, GalleryEntry, Package, Person
from gallery.models.picture import PictureQuerySet
from gallery.services.errors import InvalidInput

# Being made ready for one person.
MOST_UNDER_WAY = 2
MOST_PICTURES = 20_000


def contents(visible: PictureQuerySet, gallery: Gallery | None, chosen: Sequence[int] = ()) -> list[int]:
    """The ids of what goes into a package, in order: as the gallery is arranged, or the newest first."""
    if gallery is None:
        return list(visible.filter(pk__in=chosen).order_by("-pk").values_list("pk", flat=True))
    entries = GalleryEntry.objects.filter(gallery=gallery, picture__trashed_at=None)
    return list(entries.order_by("-position", "-picture").values_list("picture", flat=True))


def ask_for_package(
    person: Person, name: str, gallery: Gallery | None, pictures: Sequence[int], shape: Shape
) -> Package:
    """Have a package made ready; the one that is under way, where it is of the same pictures in the same shape.

    Raises InvalidInput.
    """
    if not pictures:
        raise InvalidInput("There is no picture in it yet.")
    if len(pictures) > MOST_PICTURES:
        raise InvalidInput(
            f"{MOST_PICTURES:,} pictures at once are the most. Take it away in parts: select some of them."
        )
    what = [gallery.pk if gallery else 0, list(pictures), shape.format, shape.side, shape.settings]
    key = hashlib.sha256(json.dumps(what).encode()).hexdigest()
    with transaction.atomic():
        # Two forms at the same time come one after the other.
        Person.objects.select_for_update().only("pk").get(pk=person.pk)
        under_way = Package.objects.of(person).under_way()
        if same := under_way.filter(key=key).first():
            return same
        _require_room(person)
        package = Package.objects.create(
            person=person,
            gallery=gallery,
            name=name,
            chosen=[] if gallery else list(pictures),
            key=key,
            format=shape.format.value,
            side=shape.side,
            with_settings=shape.settings,
            total=len(pictures),
        )
        send_package(package.pk)
        return package


def _require_room(person: Person) -> None:
    if Package.objects.of(person).under_way().count() >= MOST_UNDER_WAY:
        raise InvalidInput(
            f"{MOST_UNDER_WAY} downloads are being made ready for you already. Wait until one of them is."
        )


def package_again(package: Package) -> None:
    """From the beginning, after it failed. Raises InvalidInput."""
    with transaction.atomic():
        Person.objects.select_for_update().only("pk").get(pk=package.person_id)
        if Package.objects.under_way().filter(person=package.person_id, key=package.key).exists():
            raise InvalidInput("The same is being made ready already.")
        _require_room(package.person)
        if package.begin_again():
            package.items.all().delete()
            send_package(package.pk)


def remind(package: Package) -> None:
    """Send for somebody, where nobody has worked on it for too long."""
    if not package.is_forgotten:
        return  # and nobody waits for the database's lock, although this is asked every second
    with transaction.atomic():
        if package.remind():
            send_package(package.pk)


def delete_package(package: Package) -> None:
    """The row first: files without a row are found by housekeeping, a row without its files would be a lie."""
    folder = package.folder
    package.delete()
    delete_files(folder)


def delete_files(folder: str) -> None:
    try:
        names = default_storage.listdir(folder)[1]
    except FileNotFoundError:
        return
    for name in names:
        default_storage.delete(f"{folder}/{name}")
    with contextlib.suppress(OSError):
        # Empty now, or somebody is about to find that nobody wants what they make.
        default_storage.delete(folder)
