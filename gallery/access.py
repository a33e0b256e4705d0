"""One door per object: the row that this person may see or change, or 404.

Strangers get the same answer for what is not theirs as for what does not exist.
"""

from django.contrib.auth.models import AnonymousUser
from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404

from gallery.models import Gallery, Generation, Person, Picture


def signed_in(request: HttpRequest) -> Person:
    """The person that asks. SignInMiddleware lets nobody else through to a view that calls this."""
    if isinstance(request.user, AnonymousUser):
        raise Http404
    return request.user


def generation_to_change(request: HttpRequest, pk: int) -> Generation:
    """Only its author cancels, retries or dismisses a generation."""
    own = Generation.objects.filter(author=signed_in(request)).select_related("model", "author", "gallery")
    return get_object_or_404(own, pk=pk)


def picture_to_see(request: HttpRequest, pk: int) -> Picture:
    """A picture that is visible to this person, or any to an administrator who may view pictures."""
    person = signed_in(request)
    if person.is_staff and person.has_perm("gallery.view_picture"):
        pictures = Picture.objects.all()
    else:
        pictures = Picture.objects.visible_to(person)
    return get_object_or_404(pictures.select_related("generation__model", "author"), pk=pk)


def picture_to_change(request: HttpRequest, pk: int) -> Picture:
    """Only its author puts a picture into galleries."""
    own = Picture.objects.filter(author=signed_in(request)).select_related("generation")
    return get_object_or_404(own, pk=pk)


def gallery_to_see(request: HttpRequest, pk: int) -> Gallery:
    return get_object_or_404(Gallery.objects.visible_to(signed_in(request)).select_related("owner"), pk=pk)


def gallery_to_change(request: HttpRequest, pk: int) -> Gallery:
    return get_object_or_404(Gallery.objects.owned_by(signed_in(request)), pk=pk)
