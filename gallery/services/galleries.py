"""Galleries and what is in them."""

from gallery.models import Gallery, GalleryEntry, Person, Picture


def make_gallery(owner: Person, name: str) -> Gallery:
    """The owner's gallery of this name, made if there is none."""
    return Gallery.objects.get_or_create(owner=owner, name=name)[0]


def save_picture(picture: Picture, gallery: Gallery) -> bool:
    """Put a picture into a gallery; tell whether it was not there before."""
    return GalleryEntry.objects.get_or_create(gallery=gallery, picture=picture)[1]


def remove_picture(picture: Picture, gallery: Gallery) -> None:
    GalleryEntry.objects.filter(gallery=gallery, picture=picture).delete()
