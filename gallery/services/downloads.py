"""Request, retry and delete downloads."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from gallery.downloads.files import delete_files
from gallery.enqueue import enqueue_download
from gallery.images.convert import Shape
from gallery.models import Download, Gallery, Person
from gallery.models.numbers import whole
from gallery.services.errors import InvalidInput

# How many downloads of one person may be under way at once.
MOST_UNDER_WAY = 2
MOST_PICTURES = 20_000


def request_download(
    person: Person, name: str, gallery: Gallery | None, pictures: Sequence[int], shape: Shape
) -> Download:
    """Start a download and return it. If the same pictures in the same shape are under way already, return that one.

    Raises InvalidInput if there are no pictures, too many pictures, or too many downloads under way.
    """
    if not pictures:
        raise InvalidInput(_("There is no picture in it yet."))
    if len(pictures) > MOST_PICTURES:
        raise InvalidInput(
            _("%(most)s pictures at once are the most. Select some of them, and download them in parts.")
            % {"most": whole(MOST_PICTURES)}
        )
    contents = [gallery.pk if gallery else 0, list(pictures), shape.format, shape.side, shape.settings]
    download = Download(
        person=person,
        gallery=gallery,
        name=name,
        chosen=[] if gallery else list(pictures),
        format=shape.format.value,
        side=shape.side,
        with_settings=shape.settings,
        total=len(pictures),
    )
    return _begin(download, contents)


def request_export(person: Person, about: Person) -> Download:
    """Start an export of all data of one person, for themselves or for an administrator.

    If the same is under way already, return that one. Raises InvalidInput if too many downloads are under way.
    """
    name = _("Data of %(name)s") % {"name": about.name}
    return _begin(Download(person=person, about=about, name=name[:120]), ["person", about.pk])


def _begin(download: Download, contents: list[Any]) -> Download:
    download.key = hashlib.sha256(json.dumps(contents).encode()).hexdigest()
    with transaction.atomic():
        # The lock makes two forms of the same person run one after the other.
        Person.objects.select_for_update().only("pk").get(pk=download.person_id)
        if same := Download.objects.of(download.person).under_way().filter(key=download.key).first():
            return same
        _require_room(download.person)
        download.save()
        enqueue_download(download.pk)
        return download


def _require_room(person: Person) -> None:
    if Download.objects.of(person).under_way().count() >= MOST_UNDER_WAY:
        raise InvalidInput(
            _("%(most)d downloads are being made ready for you already. Wait until one of them is.")
            % {"most": MOST_UNDER_WAY}
        )


def retry_download(download: Download) -> None:
    """Begin a failed download again. Raises InvalidInput if the same one or too many others are under way."""
    with transaction.atomic():
        Person.objects.select_for_update().only("pk").get(pk=download.person_id)
        if Download.objects.under_way().filter(person=download.person_id, key=download.key).exists():
            raise InvalidInput(_("The same is being made ready already."))
        _require_room(download.person)
        if download.begin_again():
            download.items.all().delete()
            enqueue_download(download.pk)


def remind(download: Download) -> None:
    """Enqueue a download again if no worker has touched it for too long."""
    if not download.is_forgotten:
        return  # The page asks every second, so the usual case must not wait for the database's lock.
    with transaction.atomic():
        if download.remind():
            enqueue_download(download.pk)


def delete_download(download: Download) -> None:
    """Delete a download, row first: housekeeping finds files without a row, but a row without files would be a lie."""
    folder = download.folder
    download.delete()
    delete_files(folder)
