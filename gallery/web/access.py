"""One door per object: the row that this person may see or change, or 404.

People get the same answer for what they may not see as for what does not exist.
"""

from django.http import Http404
from django.shortcuts import get_object_or_404

from gallery import services
from gallery.images.edit import UPLOADS
from gallery.models import (
    Batch,
    Comment,
    Download,
    Gallery,
    Generation,
    Invitation,
    Notice,
    Person,
    Picture,
    PromptTemplate,
    ShareLink,
)
from gallery.models.invitation import InvitationQuerySet
from gallery.models.kept_file import KeptFile
from gallery.queries.batches import batches_visible_to
from gallery.queries.people import may_export
from gallery.queries.roles import Action, may, may_invite, may_see_all_invitations, may_view_all, pictures_for
from gallery.services.edits import Source


def generation_to_change(person: Person, pk: int) -> Generation:
    """Only the author of a generation cancels, retries or dismisses it."""
    own = Generation.objects.filter(author=person).select_related("model", "author", "gallery")
    return get_object_or_404(own, pk=pk)


def batch_to_see(person: Person, pk: int) -> Batch:
    return get_object_or_404(batches_visible_to(person).select_related("author"), pk=pk)


def batch_to_change(person: Person, pk: int) -> Batch:
    return get_object_or_404(Batch.objects.filter(author=person), pk=pk)


def generation_to_see(person: Person, pk: int) -> Generation:
    visible = Generation.objects.visible_to(person).select_related("model", "author", "batch")
    return get_object_or_404(visible, pk=pk)


def template_to_see(person: Person, pk: int) -> PromptTemplate:
    return get_object_or_404(PromptTemplate.objects.visible_to(person).select_related("model"), pk=pk)


def template_to_change(person: Person, pk: int) -> PromptTemplate:
    return get_object_or_404(PromptTemplate.objects.owned_by(person), pk=pk)


def picture_to_see(person: Person, pk: int) -> Picture:
    return get_object_or_404(pictures_for(person).select_related("generation__model", "author"), pk=pk)


def picture_to_change(person: Person, pk: int) -> Picture:
    """Only the author of a picture puts it into galleries, or into the trash."""
    own = Picture.objects.kept().filter(author=person).select_related("generation")
    return get_object_or_404(own, pk=pk)


def picture_to_tag(person: Person, pk: int) -> Picture:
    return get_object_or_404(services.tags.taggable(person), pk=pk)


def picture_in_trash(person: Person, pk: int) -> Picture:
    """Only the author of a picture sees it in the trash."""
    return get_object_or_404(Picture.objects.in_trash_of(person), pk=pk)


def source_to_see(person: Person, pk: int) -> Generation:
    """Only the author of an edit or a variation sees its source: sharing the result does not share the source."""
    own = Generation.objects.all() if may_view_all(person) else Generation.objects.filter(author=person)
    # Reference pictures have doors of their own.
    return get_object_or_404(own.filter(source_file__startswith=f"{UPLOADS}/", references=None), pk=pk)


def file_to_see(person: Person, pk: int, index: int) -> KeptFile:
    """A delivered file that is no picture: its author's, and administrators' who see everything."""
    own = Generation.objects.all() if may_view_all(person) else Generation.objects.filter(author=person)
    for kept in get_object_or_404(own, pk=pk).kept_files:
        if kept.index == index:
            return kept
    raise Http404


def upload_to_edit(person: Person, upload: str) -> Source:
    """Only the person who uploaded a picture sees and edits it."""
    source = services.edits.uploaded(person, upload)
    if source is None:
        raise Http404
    return source


def gallery_to_see(person: Person, pk: int) -> Gallery:
    return get_object_or_404(Gallery.objects.visible_to(person).select_related("owner"), pk=pk)


def gallery_to(action: Action, person: Person, pk: int) -> Gallery:
    """A gallery in which this person may do this."""
    gallery = gallery_to_see(person, pk)
    if not may(person, action, gallery):
        raise Http404
    return gallery


def link_to_change(person: Person, pk: int, link_pk: int) -> ShareLink:
    """People who may share a gallery change and revoke all its links, not only their own."""
    gallery = gallery_to(Action.SHARE, person, pk)
    return get_object_or_404(gallery.links.select_related("gallery", "created_by"), pk=link_pk)


def link_of(token: str) -> ShareLink:
    """The share link with this token, alive or not."""
    link = ShareLink.objects.of_token(token)
    if link is None:
        raise Http404
    return link


def comment_to_delete(person: Person, pk: int) -> Comment:
    """A person's own comment; any comment for people who may remove things there. Both must see the gallery."""
    comment = get_object_or_404(Comment.objects.visible_to(person).select_related("gallery", "picture"), pk=pk)
    if comment.author_id != person.pk and not may(person, Action.REMOVE, comment.gallery):
        raise Http404
    return comment


def invitations_to_see(person: Person) -> InvitationQuerySet:
    """A person's own invitations, if they may invite; all of them for administrators."""
    if not may_invite(person):
        raise Http404
    invitations = Invitation.objects.all()
    return invitations if may_see_all_invitations(person) else invitations.filter(created_by=person)


def invitation_to_change(person: Person, pk: int) -> Invitation:
    return get_object_or_404(invitations_to_see(person), pk=pk)


def invitation_by_token(token: str) -> Invitation:
    """The invitation with this token, open or over. Its link is all that a visitor needs."""
    return get_object_or_404(Invitation.objects.by_token(token).select_related("created_by", "gallery"))


def notice_to_read(person: Person, pk: int) -> Notice:
    """A person's own notice about something that they may still see."""
    return get_object_or_404(Notice.objects.visible_to(person), pk=pk)


def download_to_see(person: Person, pk: int) -> Download:
    """A person's own download, if they may still see its gallery, each of its pictures, or the data exported."""
    own = Download.objects.of(person).still_there().select_related("gallery", "about")
    download = get_object_or_404(own, pk=pk)
    if download.about is not None:
        if not may_export(person, download.about):
            raise Http404
    elif download.gallery_id is not None:
        gallery_to_see(person, download.gallery_id)
    elif pictures_for(person).filter(pk__in=download.chosen).count() != len(download.chosen):
        raise Http404
    return download


def is_whole(person: Person, download: Download) -> bool:
    """Whether this person may still see every picture in the archive."""
    if download.about_id is not None:
        return True  # `download_to_see` has asked
    inside = download.items.in_archive().filter(place__gt=0)
    seen = pictures_for(person).filter(download_items__in=inside)
    return seen.count() == inside.count()


def archive_to_download(person: Person, pk: int) -> Download:
    download = download_to_see(person, pk)
    if not download.is_ready or not is_whole(person, download):
        raise Http404
    return download
