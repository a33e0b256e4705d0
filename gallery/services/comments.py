"""Comments on a picture in a gallery."""

from django.db import transaction

from gallery.models import Comment, Gallery, GuestAct, Person, Picture, ShareLink
from gallery.services.activity import tell_of_comment
from gallery.services.share_links import MOST_COMMENTS, alone_with, count_act, refuse_more_than


def comment(
    gallery: Gallery,
    picture: Picture,
    text: str,
    author: Person | None = None,
    link: ShareLink | None = None,
    guest: str = "",
    address: str = "",
) -> Comment:
    """Comment on a picture in this gallery, as `author`, or as `guest` from `address` through `link`.

    This is the only place that creates comments, because it also sends the notices. Raises TooMany if too many
    comments came through the link in the last hour, or from this address.
    """
    with transaction.atomic():
        if link is not None:
            alone_with(link)
            refuse_more_than(MOST_COMMENTS, Comment.objects.filter(link=link))
            count_act(link, GuestAct.Kind.COMMENT, address)
        before = Comment.objects.filter(gallery=gallery, picture=picture).exclude(author=None)
        earlier = set(before.values_list("author", flat=True))
        written = Comment.objects.create(
            gallery=gallery, picture=picture, text=text, author=author, link=link, guest=guest
        )
        tell_of_comment(gallery, picture, by=author, guest=guest, earlier=earlier)
    return written


def delete_comment(row: Comment) -> None:
    row.delete()
