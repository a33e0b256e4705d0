"""Galleries and what is in them."""

from django.contrib.auth.models import Group
from django.db.models import Max
from django.utils import timezone

from gallery.models import Gallery, GalleryEntry, Membership, Person, Picture


def make_gallery(owner: Person, name: str) -> Gallery:
    """The owner's gallery of this name, made if there is none."""
    return Gallery.objects.get_or_create(owner=owner, name=name)[0]


def save_picture(picture: Picture, gallery: Gallery) -> bool:
    """Put a picture into a gallery; tell whether it was not there before."""
    return GalleryEntry.objects.get_or_create(gallery=gallery, picture=picture)[1]


def remove_picture(picture: Picture, gallery: Gallery) -> None:
    GalleryEntry.objects.filter(gallery=gallery, picture=picture).delete()


def add_member(gallery: Gallery, who: Person | Group, role: str) -> Membership:
    """Make a person or a group a member, or give the member that it is already this role."""
    key = {"person": who} if isinstance(who, Person) else {"group": who}
    return Membership.objects.update_or_create(gallery=gallery, **key, defaults={"role": role})[0]


def change_role(member: Membership, role: str) -> None:
    Membership.objects.filter(pk=member.pk).update(role=role)


def remove_member(member: Membership) -> None:
    """Access ends with the row: every page, thumbnail and original asks for it anew."""
    member.delete()


def decide(entry: GalleryEntry, status: str, person: Person) -> None:
    """Say what becomes of a picture in a gallery."""
    entry.status, entry.decided_by, entry.decided_at = status, person, timezone.now()
    entry.save(update_fields=["status", "decided_by", "decided_at"])


def use_as_cover(entry: GalleryEntry) -> None:
    """Show the gallery by this picture first."""
    entry.gallery.cover = entry.picture
    entry.gallery.save(update_fields=["cover"])


def move_to_front(entry: GalleryEntry) -> None:
    """Make it the first in the order by hand."""
    highest = entry.gallery.entries.aggregate(highest=Max("position"))["highest"] or 0
    entry.position = highest + 1
    entry.save(update_fields=["position"])
